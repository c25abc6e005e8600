import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  cellIndex,
  cellRowBlocks,
  combineFlag,
  combineOffset,
  combineTask,
  combineTasks,
  decodeTask,
  dispatchFlag,
  dispatchFlags,
  dispatchOffset,
  flagCount,
  gemm0Cols,
  gemm0Task,
  gemm0Tasks,
  gemm1Cols,
  gemm1Task,
  gemm1Tasks,
  heapCells,
  heapElements,
  heapRow,
  heapRows,
  intermediateElements,
  intermediateOffset,
  Round,
  rowBlocks,
  rowSpan,
  Stage,
  taskSpace,
  tileWidth,
} from '../../sim/moe/layout.ts';
import {
  epochState,
  freshness,
  packDoorbell,
  packEntry,
  packetLimits,
  packSignal,
  queueTag,
} from '../../sim/moe/packet.ts';
import { hugeShapes, moderate, worlds } from './layout-worlds.ts';

const folder = mkdtempSync(join(tmpdir(), 'kerneltwin-layout-'));
const probe = join(folder, 'layout_probe');

beforeAll(() => {
  const compiler = process.env['CXX'] ?? 'c++';
  const flags = ['-std=c++20', '-Wall', '-Wextra', '-Werror', '-Ikernel/include'];
  execFileSync(compiler, [...flags, '-o', probe, 'tests/properties/layout_probe.cc']);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A shape within the packet limits, and a place in it. */
const cases = fc
  .tuple(
    fc.oneof(
      hugeShapes.filter(packetLimits),
      worlds(moderate).map((w) => w.shape),
    ),
    fc.array(fc.nat(), { minLength: 11, maxLength: 11 }),
  )
  .map(([s, picks]) => {
    const pick = (i: number, size: number): number => picks[i]! % size;
    return {
      s,
      source: pick(0, s.ranks),
      slot: pick(1, s.slots),
      expert: pick(2, s.experts),
      block: pick(3, cellRowBlocks(s)),
      col0: pick(4, gemm0Cols(s)),
      col1: pick(5, gemm1Cols(s)),
      row: pick(6, s.capacity),
      h: pick(7, s.hidden),
      i: pick(8, s.intermediate),
      rows: pick(9, s.capacity + 1),
      index: pick(10, taskSpace(s)),
    };
  });

type Case = typeof cases extends fc.Arbitrary<infer T> ? T : never;

/** What TypeScript answers, in the order in which layout_probe.cc prints. */
function answers(c: Case): (number | bigint)[] {
  const { s, source, slot, expert, block, col0, col1, row, h, i, rows, index } = c;
  const span = rowSpan(s, rows, block);
  const task = decodeTask(s, index);
  const cells = [Round.Dispatch, Round.Combine].flatMap((round) =>
    [Stage.Outgoing, Stage.Incoming].flatMap((stage) => {
      const cell = cellIndex(s, source, round, stage, slot);
      const row0 = heapRow(s, cell, row);
      return [cell, row0, dispatchOffset(s, cell, row, h), combineOffset(s, cell, row, h)];
    }),
  );
  return [
    [gemm0Cols(s), gemm1Cols(s), cellRowBlocks(s), rowBlocks(s, rows)],
    [span.begin, span.count, tileWidth(s, s.hidden, col1)],
    cells,
    [heapCells(s), heapRows(s), heapElements(s)],
    [intermediateOffset(s, source, slot, row, i), intermediateElements(s)],
    [dispatchFlag(s, source, slot), dispatchFlags(s)],
    [combineFlag(s, expert, block, col1), flagCount(s)],
    [gemm0Tasks(s), gemm1Tasks(s), combineTasks(s), taskSpace(s)],
    [gemm0Task(s, slot, source, block, col0), gemm1Task(s, slot, source, block, col1)],
    [combineTask(s, expert, block, col1)],
    [task.op, task.peer, task.expert, task.block, task.col],
    [packetLimits(s) ? 1 : 0, epochState(index), freshness(1 + (rows % 4), index)],
    [queueTag(index)],
    [packSignal({ state: 1 + (rows % 4), rows, rowTiles: block })],
    [packEntry({ tag: queueTag(index), first: index, count: col0 })],
    [packDoorbell({ task: index, sequence: rows, exit: block % 2 === 1 })],
  ].flat();
}

test("every layout and packet function answers as the kernel's header of the same name", () => {
  const sample = fc.sample(cases, { numRuns: 3000, seed: 1 });
  const input = sample.map(({ s, ...place }) =>
    [...Object.values(s), ...Object.values(place)].map(Number).join(' '),
  );
  const output = execFileSync(probe, { input: input.join('\n'), encoding: 'utf8' });
  const lines = output.trim().split('\n');
  expect(lines.length).toBe(sample.length);
  sample.forEach((c, n) => {
    expect({ c, line: answers(c).join(' ') }).toEqual({ c, line: lines[n] });
  });
});
