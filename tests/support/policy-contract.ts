import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { Op } from '../../sim/moe/layout.ts';
import type { PolicyDefinition, SchedulingPolicy } from '../../sim/policies/policy.ts';

/** Tasks of the contract's world: the first third GEMM0, then GEMM1, then COMBINE. */
const tasks = 300;

/** What the scheduler of a small rank does to a policy. */
export interface Drive {
  readonly processors: number;
  readonly queues: number;
  /** Entries as the queues give them, and frees of processors by their age, in the order they happen. */
  readonly steps: readonly (
    | { readonly entry: readonly [queue: number, count: number] }
    | { readonly free: number }
  )[];
}

export const drives: fc.Arbitrary<Drive> = fc
  .record({
    processors: fc.integer({ min: 1, max: 9 }),
    queues: fc.integer({ min: 1, max: 5 }),
    steps: fc.array(
      fc.oneof(
        fc.record({ entry: fc.tuple(fc.nat(4), fc.integer({ min: 1, max: 20 })) }),
        fc.record({ free: fc.nat(8) }),
      ),
      { maxLength: 40 },
    ),
  })
  .map((drive) => ({
    ...drive,
    steps: drive.steps.map((step) =>
      'entry' in step ? { entry: [step.entry[0] % drive.queues, step.entry[1]] as const } : step,
    ),
  }));

interface Placement {
  readonly task: number;
  readonly processor: number;
}

/** A scheduler's bookkeeping around a policy: what was offered, what is free, what was chosen. */
class Harness {
  readonly placed: Placement[] = [];
  readonly offered = new Set<number>();
  readonly free = new Set<number>();
  readonly busy: number[] = [];
  readonly #entries: { queue: number; first: number; count: number }[] = [];
  readonly #policy: SchedulingPolicy;
  #next = 0;

  constructor(definition: PolicyDefinition, drive: Drive) {
    this.#policy = definition.create({
      processors: drive.processors,
      queues: drive.queues,
      options: {},
      operation: (task) => (task < 100 ? Op.Gemm0 : task < 200 ? Op.Gemm1 : Op.Combine),
      // All peers have announced, and everything announced has arrived: no policy has a reason left to wait.
      announcedGemm0Tasks: () => 0,
    });
    for (let p = 0; p < drive.processors; p++) this.release(p);
  }

  release(processor: number): void {
    this.free.add(processor);
    this.#policy.takeProcessor(processor);
  }

  publish(queue: number, count: number): void {
    const size = Math.min(count, tasks - this.#next);
    if (size === 0) return;
    this.#entries.push({ queue, first: this.#next, count: size });
    this.#next += size;
  }

  /** One sweep: hands as long as the policy wants them, and every placement it makes. */
  sweep(): void {
    let placed = 0;
    do {
      placed = 0;
      if (this.#policy.wantsHand()) this.#openHand();
      while (this.#policy.choose()) {
        this.#place(this.#policy.task, this.#policy.processor);
        placed++;
      }
    } while (placed > 0);
    if (this.#policy.waiting !== this.offered.size) {
      this.#broken(`${this.#policy.waiting} tasks wait, of ${this.offered.size} not placed`);
    }
  }

  #place(task: number, processor: number): void {
    if (!this.offered.delete(task)) this.#broken(`task ${task} was not offered or placed before`);
    if (!this.free.delete(processor)) this.#broken(`processor ${processor} is not free`);
    this.busy.push(processor);
    this.placed.push({ task, processor });
  }

  #broken(what: string): never {
    throw new Error(`after ${this.placed.length} placements: ${what}`);
  }

  /** Gives the policy the next two entries of every queue. */
  #openHand(): void {
    const taken = new Map<number, number>();
    for (const entry of this.#entries.splice(0)) {
      const before = taken.get(entry.queue) ?? 0;
      if (before === 2) {
        this.#entries.push(entry);
        continue;
      }
      taken.set(entry.queue, before + 1);
      this.#policy.takeEntry(entry.queue, entry.first, entry.count);
      for (let t = entry.first; t < entry.first + entry.count; t++) this.offered.add(t);
    }
  }

  get published(): number {
    return this.#next;
  }
}

function play(definition: PolicyDefinition, drive: Drive): Harness {
  const harness = new Harness(definition, drive);
  for (const step of drive.steps) {
    if ('entry' in step) harness.publish(...step.entry);
    else if (harness.busy.length > 0) {
      harness.release(harness.busy.splice(step.free % harness.busy.length, 1)[0]!);
    }
    harness.sweep();
  }
  return harness;
}

/** Ends the launch: every processor finishes what it has until all is placed. */
function drain(harness: Harness): void {
  // Each round frees every processor, so it places at least one task while any is left.
  for (let round = 0; round <= tasks && harness.placed.length < harness.published; round++) {
    while (harness.busy.length > 0) harness.release(harness.busy.shift()!);
    harness.sweep();
  }
}

/** The contract of sim/actors/policy.ts, as tests; every policy's spec calls it. */
export function testPolicyContract(definition: PolicyDefinition): void {
  test('places only offered tasks, each once, on free processors, and counts what waits', () => {
    fc.assert(
      fc.property(drives, (drive) => {
        expect(() => play(definition, drive)).not.toThrow();
      }),
    );
  });

  test('places every task in the end', () => {
    fc.assert(
      fc.property(drives, (drive) => {
        const harness = play(definition, drive);
        drain(harness);
        const placed = harness.placed.map(({ task }) => task).sort((x, y) => x - y);
        expect(placed).toEqual(Array.from({ length: harness.published }, (_, task) => task));
      }),
    );
  });

  test('chooses the same for the same history', () => {
    fc.assert(
      fc.property(drives, (drive) => {
        expect(play(definition, drive).placed).toEqual(play(definition, drive).placed);
      }),
    );
  });

  test('says in one line what it is', () => {
    expect(definition.name).toMatch(/^[a-z][a-z0-9-]*$/);
    expect(definition.summary).toMatch(/^[^\n]+$/);
  });
}
