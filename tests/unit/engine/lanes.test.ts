import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LaneSimulation } from '../../../sim/engine/index.ts';

/** Balls that fly between lanes: each lands, is noted by the lane, and flies on after a delay of at least 10 ticks. */
function flights(balls: readonly number[][], lanes: number, lookahead: number): string[][] {
  const sim = new LaneSimulation({ lanes, lookahead });
  const seen: string[][] = Array.from({ length: lanes }, () => []);
  const hops = balls.map(() => 0);
  const note = sim.handle((lane, ball) => seen[lane]!.push(`${sim.now} note ${ball}`));
  const land: number = sim.handle((lane, ball) => {
    seen[lane]!.push(`${sim.now} land ${ball}`);
    sim.at(sim.now + (ball % 3), note, lane, ball);
    const delay = balls[ball]![hops[ball]!++];
    if (delay === undefined) return;
    const to = (lane + delay) % lanes;
    sim.send(to, sim.now + 10 + delay, land, to, ball);
  });
  balls.forEach((_, ball) => sim.send(ball % lanes, 0, land, ball % lanes, ball));
  expect(sim.run()).toBe(false);
  expect(sim.pending).toBe(0);
  // Of messages of one tick only the set is promised: which of two lanes sent first depends on the window.
  return seen.map((lines) => lines.toSorted());
}

describe('lanes', () => {
  test('what happens does not depend on the window', () => {
    const ball = fc.array(fc.nat(30), { maxLength: 12 });
    fc.assert(
      fc.property(
        fc.array(ball, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 10 }),
        (balls, lanes, window) => {
          const expected = flights(balls, lanes, 1);
          expect(flights(balls, lanes, window)).toEqual(expected);
        },
      ),
    );
  });

  test('a message is there before the own events of its tick', () => {
    const sim = new LaneSimulation({ lanes: 2, lookahead: 5 });
    const log: string[] = [];
    const own = sim.handle(() => log.push(`${sim.now} own`));
    const message = sim.handle(() => log.push(`${sim.now} message`));
    const begin = sim.handle((lane) => {
      if (lane === 0) sim.at(7, own, 0, 0);
      else sim.send(0, 7, message, 0, 0);
    });
    sim.send(0, 1, begin, 0, 0);
    sim.send(1, 2, begin, 1, 0);
    sim.run();
    expect(log).toEqual(['7 message', '7 own']);
    expect(sim.now).toBe(7);
  });

  test('stops after the given number of events and goes on where it stopped', () => {
    const sim = new LaneSimulation({ lanes: 3, lookahead: 4 });
    const seen: number[] = [];
    const note = sim.handle((a) => seen.push(a));
    for (let i = 0; i < 9; i++) sim.send(i % 3, i, note, i, 0);
    expect(sim.run(2)).toBe(true);
    expect(seen).toEqual([0, 3]);
    expect(sim.pending).toBe(7);
    expect(sim.run(7)).toBe(false);
    expect(seen.toSorted((x, y) => x - y)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(sim.events).toBe(9);
  });

  test('refuses a message into the past of another lane, and no lanes or window', () => {
    const sim = new LaneSimulation({ lanes: 2, lookahead: 5 });
    const late = sim.handle(() => sim.send(0, sim.now + 4, late, 0, 0));
    sim.send(1, 3, late, 0, 0);
    expect(() => sim.run()).toThrow('sent to lane 0 at 7: expected 8 or later');
    expect(() => new LaneSimulation({ lanes: 2, lookahead: 0 })).toThrow('a lookahead');
  });

  test('schedules from outside, between runs too, and refuses ticks that are none', () => {
    const sim = new LaneSimulation({ lanes: 2, lookahead: 5 });
    const seen: string[] = [];
    const note = sim.handle((a) => seen.push(`${a}@${sim.now}`));
    sim.at(3, note, 1, 0);
    expect(sim.run()).toBe(false);
    sim.at(4, note, 2, 0);
    sim.send(1, 9, note, 3, 0);
    sim.send(0, 9, note, 4, 0);
    expect(sim.pending).toBe(3);
    expect(sim.run()).toBe(false);
    expect(seen).toEqual(['1@3', '2@4', '4@9', '3@9']);
    expect(() => sim.at(8, note, 0, 0)).toThrow('from 9 (now)');
    expect(() => sim.at(9.5, note, 0, 0)).toThrow('got 9.5');
    expect(() => sim.send(1, 9.5, note, 0, 0)).toThrow('got 9.5');
    expect(() => sim.send(1, 2 ** 52, note, 0, 0)).toThrow('below 2^52');
  });

  test('stopping after any number of events changes nothing', () => {
    const all = (limit: number): string[] => {
      const sim = new LaneSimulation({ lanes: 3, lookahead: 4 });
      const seen: string[] = [];
      const hop: number = sim.handle((lane, left) => {
        seen.push(`${lane} ${left}@${sim.now}`);
        if (left === 0) return;
        sim.at(sim.now + 1, hop, lane, left >> 1);
        sim.send((lane + 1) % 3, sim.now + 4, hop, (lane + 1) % 3, left - 1);
      });
      sim.send(0, 0, hop, 0, 9);
      while (sim.run(limit));
      return seen;
    };
    for (const limit of [1, 2, 7]) expect(all(limit)).toEqual(all(1e9));
  });

  test('a hook sees every event before it runs', () => {
    const sim = new LaneSimulation({ lanes: 2, lookahead: 5 });
    const log: string[] = [];
    const note = sim.handle((a, b) => log.push(`run ${a} ${b}`));
    sim.observe((time, handler, a, b) => log.push(`hook ${time} ${handler} ${a} ${b}`));
    sim.send(1, 2, note, 3, 4);
    sim.run();
    expect(log).toEqual([`hook 2 ${note} 3 4`, 'run 3 4']);
  });
});
