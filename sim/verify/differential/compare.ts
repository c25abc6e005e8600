/** The explorer and the mirror machine under one choice sequence: equal digests after every access, or where they part. */
import { type ExplorerAddon, loadExplorer, type NativeWorld } from '../../../binding/explore.ts';
import { nativeConfig, type WorldSpec } from '../world-spec.ts';
import { accessFields } from './machine.ts';
import { runMirror } from './mirror.ts';
import type { Words } from './words.ts';

/** Where two runs part, with the shortest choice sequence found that shows it. */
export interface Divergence {
  readonly spec: WorldSpec;
  readonly choices: Uint32Array;
  /** First access whose digests differ, or the length of the shorter run. */
  readonly step: number;
  /** The last accesses of both, as text. */
  readonly timelines: string;
}

export interface Compared {
  readonly steps: number;
  readonly divergence: Divergence | null;
}

/** Accesses shown before the one where the runs part. */
const shown = 12;

function firstDifference(a: ArrayLike<number>, b: ArrayLike<number>): number | null {
  const common = Math.min(a.length, b.length);
  for (let i = 0; i < common; i++) if (a[i] !== b[i]) return i;
  return a.length === b.length ? null : common;
}

function partsAt(world: NativeWorld, spec: WorldSpec, choices: Uint32Array): number | null {
  const native = world.run({ strategy: 'replay', choices, keepDigests: true });
  return firstDifference(native.digests, runMirror(spec, choices).digests);
}

/** Shortens the sequence, then sets choices to zero, chunk by chunk, as long as the runs still part. */
function shrink(world: NativeWorld, spec: WorldSpec, start: Uint32Array): Uint32Array {
  let best = start;
  const keep = (candidate: Uint32Array): boolean => {
    if (partsAt(world, spec, candidate) === null) return false;
    best = candidate;
    return true;
  };
  for (let length = best.length >> 1; length > 0; length >>= 1) {
    while (best.length >= length && keep(best.slice(0, best.length - length)));
  }
  for (let chunk = best.length; chunk > 0; chunk >>= 1) {
    for (let at = 0; at < best.length; at += chunk) {
      if (best.slice(at, at + chunk).every((choice) => choice === 0)) continue;
      keep(best.map((choice, i) => (i >= at && i < at + chunk ? 0 : choice)));
    }
  }
  return best;
}

const kinds = ['', 'reads', 'writes', 'updates'];

function actorName(spec: WorldSpec, fiber: number): string {
  const perRank = spec.processors + 1 + spec.subscribers;
  const role = fiber % perRank;
  const rank = `rank ${Math.floor(fiber / perRank)}`;
  if (role < spec.processors) return `${rank} processor ${role}`;
  return role === spec.processors
    ? `${rank} scheduler`
    : `${rank} subscriber ${role - spec.processors - 1}`;
}

function line(spec: WorldSpec, words: Words, accesses: ArrayLike<number>, step: number): string {
  const at = step * accessFields;
  if (at >= accesses.length) return '(ended)';
  const [fiber = 0, kind = 0, word = 0, lo = 0, hi = 0] = Array.from(
    { length: accessFields },
    (_, i) => accesses[at + i] ?? 0,
  );
  const value = hi === 0 ? String(lo) : `${hi}:${lo}`;
  return `${actorName(spec, fiber)} ${kinds[kind]} ${words.name(word)} = ${value}`;
}

function timelines(
  world: NativeWorld,
  spec: WorldSpec,
  choices: Uint32Array,
  step: number,
): string {
  const native = world.run({ strategy: 'replay', choices, keepAccesses: true });
  const mirror = runMirror(spec, choices, true);
  const rows: string[] = [];
  for (let i = Math.max(0, step - shown); i <= step; i++) {
    const one = line(spec, mirror.words, native.accesses, i);
    const other = line(spec, mirror.words, mirror.accesses, i);
    rows.push(`${String(i).padStart(6)}  ${one.padEnd(60)} | ${other}`);
  }
  if (native.failure !== null) {
    rows.push(`headers: ${native.failure.invariant} ${native.failure.message}`);
  }
  if (mirror.problem !== null) rows.push(`mirror: ${mirror.problem.message}`);
  return [`${'access'.padStart(6)}  ${'headers'.padEnd(60)} | mirror`, ...rows].join('\n');
}

/** Runs one world under the random choices of (seed, index) on both machines. Direct stores and whole warps only. */
export function compareRun(
  spec: WorldSpec,
  seed: number,
  index: number,
  addon: ExplorerAddon = loadExplorer(),
): Compared {
  const world = new addon.ExploredWorld(nativeConfig(spec));
  const native = world.run({
    strategy: 'random',
    seed,
    index,
    keepChoices: true,
    keepDigests: true,
  });
  const step = firstDifference(native.digests, runMirror(spec, native.choices).digests);
  if (step === null) return { steps: native.digests.length, divergence: null };
  const choices = shrink(world, spec, native.choices);
  const parted = partsAt(world, spec, choices) ?? step;
  return {
    steps: step,
    divergence: { spec, choices, step: parted, timelines: timelines(world, spec, choices, parted) },
  };
}
