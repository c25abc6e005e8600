import { describe, expect, test } from 'vitest';
import { TaskNoise } from '../../../sim/actors/task-noise.ts';
import { parseScenario } from '../../../sim/moe/load-scenario.ts';

function noise(durationPpm: number, seed = 1): TaskNoise {
  const model = '{ tokens: 8, hidden: 64, intermediate: 64, experts: 2, topK: 1 }';
  const text = `
world: { ranks: 1 }
model: ${model}
noise: { durationPpm: ${durationPpm} }
seed: ${seed}
`;
  return new TaskNoise(parseScenario(text, 'noise.yaml'));
}

const labels = Array.from({ length: 20_000 }, (_, i) => i);

describe('duration noise', () => {
  test('is none when the scenario has none', () => {
    expect(noise(0).factor(3, 2, 1)).toBe(1);
  });

  test('is uniform within the spread', () => {
    const spread = noise(250_000);
    const factors = labels.map((label) => spread.factor(0, 0, label));
    expect(Math.min(...factors)).toBeGreaterThanOrEqual(0.75);
    expect(Math.max(...factors)).toBeLessThan(1.25);
    // Each tenth of the range holds a tenth of 20,000 draws; 5 standard deviations are 212.
    const tenths = Array.from({ length: 10 }, () => 0);
    for (const factor of factors) tenths[Math.floor((factor - 0.75) * 20)]!++;
    for (const count of tenths) expect(Math.abs(count - 2000)).toBeLessThan(212);
  });

  test('of a task depends on seed, launch, rank and task, not on when it is asked for', () => {
    const forward = noise(1000);
    const backward = noise(1000);
    const first = labels.slice(0, 50).map((label) => forward.factor(1, 0, label));
    const second = labels
      .slice(0, 50)
      .reverse()
      .map((label) => backward.factor(1, 0, label));
    expect(second.reverse()).toEqual(first);
    const others = [
      noise(1000, 2).factor(1, 0, 7),
      forward.factor(2, 0, 7),
      forward.factor(1, 1, 7),
    ];
    expect(new Set([...others, forward.factor(1, 0, 7)]).size).toBe(4);
  });

  test('neighbouring tasks are not correlated', () => {
    const spread = noise(500_000);
    const x = labels.map((label) => spread.factor(0, 0, label) - 1);
    const product = x.slice(1).reduce((sum, v, i) => sum + v * x[i]!, 0) / x.length;
    const variance = x.reduce((sum, v) => sum + v * v, 0) / x.length;
    expect(Math.abs(product / variance)).toBeLessThan(0.03);
  });
});
