import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  processorQueueCapacity,
  sentRowBlocks,
  subscriberQueueCapacity,
} from '../../../sim/actors/queue-capacity.ts';
import type { Shape } from '../../../sim/moe/layout.ts';

const source = `
#include <cstdio>
#include "kerneltwin/protocol/queue.h"
using namespace kerneltwin;
int main() {
  Shape s;
  while (std::scanf("%u %u %u %u %u %u %u %u %u %u", &s.ranks, &s.experts, &s.slots, &s.tokens, &s.hidden,
                    &s.intermediate, &s.topK, &s.capacity, &s.tileRows, &s.tileCols) == 10) {
    std::printf("%llu %u %u\\n", static_cast<unsigned long long>(sentRowBlocks(s)), subscriberQueueCapacity(s),
                processorQueueCapacity(s));
  }
}
`;

const shapes: fc.Arbitrary<Shape> = fc
  .record({
    ranks: fc.integer({ min: 1, max: 64 }),
    slots: fc.integer({ min: 1, max: 16 }),
    blocks: fc.integer({ min: 1, max: 16 }),
    steps: fc.integer({ min: 1, max: 16 }),
    hidden: fc.integer({ min: 1, max: 64 }),
    topK: fc.integer({ min: 1, max: 8 }),
  })
  .map(({ ranks, slots, blocks, steps, hidden, topK }) => ({
    ranks,
    experts: ranks * slots,
    slots,
    tokens: blocks * steps * 8,
    hidden: hidden * 64,
    intermediate: 64,
    topK,
    capacity: blocks * steps * 8,
    tileRows: steps * 8,
    tileCols: 128,
  }));

describe('queue capacities', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kt-queue-'));
    writeFileSync(join(folder, 'probe.cc'), source);
    const compiler = process.env['CXX'] ?? 'c++';
    const flags = ['-std=c++20', '-Ikernel/include', '-o', join(folder, 'probe')];
    execFileSync(compiler, [...flags, join(folder, 'probe.cc')]);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('are those of the protocol headers', () => {
    const cases = fc.sample(shapes, { numRuns: 300, seed: 11 });
    const input = cases.map((s) => Object.values(s).join(' ')).join('\n');
    const output = execFileSync(join(folder, 'probe'), { input, encoding: 'utf8' })
      .trim()
      .split('\n');
    expect(output).toEqual(
      cases.map((s) =>
        [sentRowBlocks(s), subscriberQueueCapacity(s), processorQueueCapacity(s)].join(' '),
      ),
    );
  });
});
