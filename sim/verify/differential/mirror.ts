/** A world run by the mirror machine: the protocol in TypeScript, one shared access at a time. */
import type { WorldSpec } from '../world-spec.ts';
import type { Actor } from './actor.ts';
import { type Life, Machine } from './machine.ts';
import { MirrorMemory, type Place } from './memory.ts';
import { processorLaunch } from './processor.ts';
import { schedulerLaunch } from './scheduler.ts';
import { subscriberLaunch } from './subscriber.ts';
import { type Words, wordsOf } from './words.ts';

type Launch = (a: Actor, epoch: number) => Life;

function* life(a: Actor, launch: Launch, group: readonly number[], epochs: number): Life {
  for (let epoch = 0; epoch < epochs; epoch++) {
    // As the explorer: all of the rank's actors meet, one sets up the launch, they meet again.
    yield* a.machine.rendezvous(a.fiber, group);
    yield* a.machine.rendezvous(a.fiber, group);
    yield* launch(a, epoch);
    yield* a.machine.rendezvous(a.fiber, group);
  }
}

export interface MirrorRun {
  readonly digests: readonly number[];
  readonly accesses: readonly number[];
  readonly words: Words;
  /** What ended the run early. */
  readonly problem: Error | null;
}

/** Runs a world with direct stores and whole warps under a sequence of choices. */
export function runMirror(spec: WorldSpec, choices: Uint32Array, keepAccesses = false): MirrorRun {
  if (spec.puts > 0 || spec.lanes !== 'up') {
    throw new RangeError('the mirror machine runs direct stores and lanes that go up only');
  }
  const words = wordsOf(spec);
  const { processors, subscribers } = spec;
  const perRank = processors + 1 + subscribers;
  const places: Place[] = [];
  for (const rank of spec.expertsPerRank.keys()) {
    for (let role = 0; role < perRank; role++) {
      places.push({ rank, block: Math.min(role, processors) });
    }
  }
  const memory = new MirrorMemory(spec.model, words.initial, places);
  const machine = new Machine(memory, words.count, places.length, choices, keepAccesses);
  const lives: Life[] = [];
  for (const rank of spec.expertsPerRank.keys()) {
    const group = Array.from({ length: perRank }, (_, i) => rank * perRank + i);
    const state = {
      heads: Array.from({ length: subscribers + 1 }, () => 0),
      tickets: Array.from({ length: subscribers }, () => 0),
    };
    const common = { spec, words, shape: words.shape, machine, state, rank };
    for (const [role, fiber] of group.entries()) {
      const launch =
        role < processors
          ? processorLaunch
          : role === processors
            ? schedulerLaunch
            : subscriberLaunch;
      const index = role <= processors ? role : role - processors - 1;
      lives.push(life({ ...common, fiber, index }, launch, group, spec.rows.length));
    }
  }
  let problem: Error | null = null;
  try {
    machine.run(lives);
  } catch (error) {
    problem = error instanceof Error ? error : new Error(String(error));
  }
  return { digests: machine.digests, accesses: machine.accesses, words, problem };
}
