import { expect, test } from 'vitest';
import { Arena } from '../../../sim/engine/arena.ts';

test('slices of an arena begin at reals, are zero and do not overlap', () => {
  for (const chunkWords of [0, 7, 64]) {
    const arena = new Arena(chunkWords);
    const slices = Array.from({ length: 60 }, (_, n) => {
      const count = (n * 5) % 23;
      const at = arena.take(count);
      const { words, reals } = arena;
      expect(at % 2).toBe(0);
      expect(words.buffer).toBe(reals.buffer);
      expect([...words.subarray(at, at + count)]).toEqual(Array.from({ length: count }, () => 0));
      words.fill(n + 1, at, at + count);
      return { words, at, count };
    });
    for (const [n, { words, at, count }] of slices.entries()) {
      expect(words.length).toBeGreaterThanOrEqual(at + count);
      for (let word = at; word < at + count; word++) expect(words[word]).toBe(n + 1);
    }
    expect(new Set(slices.map(({ words }) => words)).size > 1).toBe(true);
  }
});
