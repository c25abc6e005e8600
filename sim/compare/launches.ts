import type { Trace } from '../trace/trace.ts';

/** Rows `begin` to `end` (exclusive) of the event columns: one launch of all ranks. */
export interface LaunchRows {
  /** Launch of the scenario, from 0. A GPU's warm-ups before it count in `launch` but not here. */
  readonly position: number;
  readonly launch: number;
  readonly begin: number;
  readonly end: number;
}

/** The launches of a trace in ascending order. Rows are sorted by launch, so each is one run of rows. */
export function launchRows(trace: Trace): readonly LaunchRows[] {
  const { launch } = trace.events;
  const launches: LaunchRows[] = [];
  let begin = 0;
  for (let row = 1; row <= launch.length; row++) {
    if (row < launch.length && launch[row] === launch[begin]) continue;
    const number = launch[begin] ?? 0;
    launches.push({ position: number - trace.header.firstLaunch, launch: number, begin, end: row });
    begin = row;
  }
  return launches;
}

/**
 * Launches that figures are taken from. The first launch of a world pays for cold caches and page mappings that the
 * simulator does not model, so it is left out where it was recorded and there is another.
 */
export function judgedLaunches(trace: Trace): {
  readonly launches: readonly LaunchRows[];
  readonly skippedWarmUp: boolean;
} {
  const all = launchRows(trace);
  const skippedWarmUp = trace.header.firstLaunch === 0 && all.length > 1;
  return { launches: skippedWarmUp ? all.slice(1) : all, skippedWarmUp };
}
