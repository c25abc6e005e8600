import { describe, expect, test } from 'vitest';
import { Simulation } from '../../../sim/engine/index.ts';

describe('simulation', () => {
  test('runs handlers at their time, equal times in the order they were scheduled', () => {
    const sim = new Simulation();
    const log: string[] = [];
    const note = sim.handle((a) => log.push(`${sim.now}:${a}`));
    const spawn = sim.handle((a) => {
      log.push(`${sim.now}:spawn`);
      sim.at(sim.now, note, a, 0);
      sim.at(sim.now + 1, note, a + 1, 0);
    });
    sim.at(5, note, 1, 0);
    sim.at(3, spawn, 10, 0);
    sim.at(3, note, 2, 0);
    expect(sim.run()).toBe(false);
    expect(log).toEqual(['3:spawn', '3:2', '3:10', '4:11', '5:1']);
    expect(sim.events).toBe(5);
  });

  test('stops after the given number of events and goes on where it stopped', () => {
    const sim = new Simulation();
    const seen: number[] = [];
    const note = sim.handle((a) => seen.push(a));
    for (let i = 0; i < 5; i++) sim.at(i, note, i, 0);
    expect(sim.run(2)).toBe(true);
    expect(seen).toEqual([0, 1]);
    expect(sim.pending).toBe(3);
    expect(sim.run(3)).toBe(false);
    expect(seen).toEqual([0, 1, 2, 3, 4]);
  });

  test('a hook sees every event before it runs, and nothing after it is taken away', () => {
    const sim = new Simulation();
    const log: string[] = [];
    const note = sim.handle((a, b) => log.push(`run ${a} ${b}`));
    sim.observe((time, handler, a, b) => log.push(`hook ${time} ${handler} ${a} ${b}`));
    sim.at(1, note, 2, 3);
    sim.run();
    sim.observe(undefined);
    sim.at(4, note, 5, 6);
    sim.run();
    expect(log).toEqual([`hook 1 ${note} 2 3`, 'run 2 3', 'run 5 6']);
  });

  test('refuses an event in the past', () => {
    const sim = new Simulation();
    const late = sim.handle(() => sim.at(sim.now - 1, late, 0, 0));
    sim.at(7, late, 0, 0);
    expect(() => sim.run()).toThrow('expected an integer from 7 (now)');
  });
});
