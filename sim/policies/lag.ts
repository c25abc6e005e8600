import { IntRing } from '../actors/int-ring.ts';
import { Op } from '../moe/generated/layout.ts';
import type { PolicyContext, PolicyDefinition, SchedulingPolicy } from './policy.ts';

/**
 * Protects the dispatch: GEMM1 and COMBINE tasks, whose output would share the links with it, wait until every row block
 * that peers announced has arrived. GEMM0 tasks go first at all times.
 */
class Lag implements SchedulingPolicy {
  task = 0;
  processor = 0;
  waiting = 0;

  readonly #context: PolicyContext;
  readonly #holdCombine: boolean;
  readonly #ready: IntRing;
  readonly #now: IntRing = new IntRing();
  readonly #held: IntRing = new IntRing();
  #gemm0Tasks = 0;

  constructor(context: PolicyContext) {
    this.#context = context;
    this.#holdCombine = context.options['holdCombine'] !== false;
    this.#ready = new IntRing(context.processors);
  }

  wantsHand(): boolean {
    return true;
  }

  takeEntry(_queue: number, first: number, count: number): void {
    const op = this.#context.operation(first);
    if (op === Op.Gemm0) this.#gemm0Tasks += count;
    const holds = op === Op.Gemm1 || (op === Op.Combine && this.#holdCombine);
    const ring = holds ? this.#held : this.#now;
    for (let task = first; task < first + count; task++) ring.push(task);
    this.waiting += count;
  }

  takeProcessor(processor: number): void {
    this.#ready.push(processor);
  }

  choose(): boolean {
    if (this.#ready.size === 0) return false;
    const ring = this.#now.size > 0 || this.#dispatchOpen() ? this.#now : this.#held;
    if (ring.size === 0) return false;
    this.task = ring.shift();
    this.processor = this.#ready.shift();
    this.waiting--;
    return true;
  }

  /** True while rows of a peer may still be on their way to this rank. */
  #dispatchOpen(): boolean {
    const announced = this.#context.announcedGemm0Tasks();
    return announced === undefined || this.#gemm0Tasks < announced;
  }
}

export const lag: PolicyDefinition = {
  name: 'lag',
  summary: 'GEMM1 and COMBINE wait until the dispatch has arrived',
  options: { holdCombine: 'true (default): COMBINE waits too; false: only GEMM1 does' },
  create: (context) => new Lag(context),
};
