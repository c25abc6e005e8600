import { describe, expect, test } from 'vitest';
import { TileWork } from '../../../sim/actors/tile-work.ts';
import { Simulation } from '../../../sim/engine/simulation.ts';

type Steps = readonly (readonly [number, (work: TileWork) => void])[];

/** Runs what `steps` do at their ticks; ticks at which tiles were done, and marks reached, by processor. */
function ends(steps: Steps, marks: [number, number][] = []): [number, number][] {
  const sim = new Simulation();
  const done: [number, number][] = [];
  const work = new TileWork(
    sim,
    { ranks: 2, processors: 3, share: 0.25 },
    sim.handle((rank, p) => done.push([rank * 3 + p, sim.now])),
    sim.handle((rank, p) => marks.push([rank * 3 + p, sim.now])),
  );
  const act = sim.handle((step) => steps[step]![1](work));
  for (const [step, [time]] of steps.entries()) sim.at(time, act, step, 0);
  sim.run();
  return done;
}

describe('tile work', () => {
  test('takes its time alone, and longer while a COMBINE runs beside it', () => {
    expect(ends([[5, (work) => work.start(1, 2, 100)]])).toEqual([[5, 105]]);
    // 40 ticks beside a COMBINE serve 30: the tile ends 10 later.
    const beside = ends([
      [0, (work) => work.start(0, 1, 100)],
      [20, (work) => work.setBeside(0, 1, true)],
      [60, (work) => work.setBeside(0, 1, false)],
    ]);
    expect(beside).toEqual([[1, 110]]);
  });

  test('a COMBINE that began before the tile slows it too, and one elsewhere does not', () => {
    const done = ends([
      [0, (work) => work.setBeside(0, 0, true)],
      [10, (work) => work.start(0, 0, 30)],
      [10, (work) => work.start(1, 0, 30)],
    ]);
    expect(done).toEqual([
      [3, 40],
      [0, 50],
    ]);
  });

  test('changes of the rate at one tick and at the end leave one end', () => {
    const done = ends([
      [0, (work) => work.start(0, 0, 10)],
      [4, (work) => work.setBeside(0, 0, true)],
      [4, (work) => work.setBeside(0, 0, false)],
      [10, (work) => work.setBeside(0, 0, true)],
    ]);
    expect(done).toEqual([[0, 10]]);
  });

  test('tells when only a share of the work is left, and ends no later for that', () => {
    const marks: [number, number][] = [];
    const asked: boolean[] = [];
    const ask =
      (p: number, share: number) =>
      (work: TileWork): void => {
        asked.push(work.hasAtMost(0, p, share));
      };
    const done = ends(
      [
        [0, (work) => work.start(0, 0, 100)],
        [0, (work) => work.start(0, 1, 100)],
        [10, ask(0, 0.5)],
        [10, ask(1, 0)],
        [20, (work) => work.setBeside(0, 0, true)],
        [70, ask(0, 0.5)],
        [70, ask(2, 0)],
      ],
      marks,
    );
    // 20 ticks alone, then 40 beside a COMBINE: 50 of 100 are left.
    expect(marks).toEqual([
      [0, 60],
      [1, 100],
    ]);
    expect(asked).toEqual([false, false, true, true]);
    expect(done).toEqual([
      [1, 100],
      [0, 127],
    ]);
  });

  test('refuses a second tile, no work and a share that leaves nothing', () => {
    expect(() =>
      ends([
        [0, (work) => work.start(0, 0, 10)],
        [1, (work) => work.start(0, 0, 10)],
      ]),
    ).toThrow(RangeError);
    expect(() => ends([[0, (work) => work.start(0, 0, 0)]])).toThrow(RangeError);
    const sim = new Simulation();
    expect(() => new TileWork(sim, { ranks: 1, processors: 1, share: 1 }, 0, 0)).toThrow(
      RangeError,
    );
  });
});
