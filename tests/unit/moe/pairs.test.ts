import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadScenario } from '../../../sim/moe/load-scenario.ts';
import { blocksPerProcessor } from '../../../sim/moe/pairs.ts';
import { worldLine } from '../../../sim/report/world-line.ts';

interface Build {
  readonly rows: number;
  readonly cols: number;
  readonly blocks: number;
}

/** The kernel's bf16 wgmma builds in the order in which it tries them. */
function kernelBuilds(): Build[] {
  const header = readFileSync('kernel/src/forward_wgmma.h', 'utf8');
  const tile = /using (\w+) = TileConfig<(\d+), (\d+), \d+, \d+, \d+(?:, (\d+))?>;/g;
  const shapes = new Map<string, Build>();
  for (const [, name, fragments, rows, blocks = '1'] of header.matchAll(tile)) {
    const cols = 128 * Number(fragments) * Number(blocks);
    shapes.set(name!, { rows: Number(rows), cols, blocks: Number(blocks) });
  }
  const choice = readFileSync('kernel/src/kernel_variant.cc', 'utf8');
  const list = /return \{([^}]*PairTile[^}]*)\}/.exec(choice)![1]!;
  return Array.from(list.matchAll(/wgmmaVariant<(\w+),/g), ([, name]) => shapes.get(name!)!);
}

const pairs = { 'world.gemm': 'wgmma', 'tiles.rows': '192', 'tiles.cols': '256' };
const load = (set: Readonly<Record<string, string>>): ReturnType<typeof loadScenario> =>
  loadScenario('scenarios/one-h200.yaml', { 'world.ranks': '1', 'world.gpus': '1', ...set });

describe('the blocks of a processor', () => {
  test('are those of the build that the kernel takes, for every tile it has', () => {
    const builds = kernelBuilds();
    expect(builds.map(({ blocks }) => blocks)).toContain(2);
    for (let rows = 8; rows <= 288; rows += 8) {
      for (let cols = 64; cols <= 256; cols += 64) {
        const build = builds.find((each) => rows <= each.rows && cols <= each.cols)!;
        const world = { gemm: 'wgmma' } as const;
        const blocks = blocksPerProcessor({ world, tiles: { rows, cols } });
        expect({ rows, cols, blocks }).toEqual({ rows, cols, blocks: build.blocks });
      }
    }
  });

  test('are one with mma, whatever the tiles', () => {
    expect(blocksPerProcessor({ world: {}, tiles: { rows: 288, cols: 256 } })).toBe(1);
  });

  test.each(['2', '3', '7'])('in pairs do not come as %s', (blocks) => {
    expect(() => load({ ...pairs, 'world.blocks': blocks })).toThrow(
      'world.blocks: expected an even number from 4, as wgmma has a pair of blocks for each ' +
        `processor of tiles over 64 x 128, got ${blocks}`,
    );
    expect(load({ ...pairs, 'tiles.cols': '128', 'world.blocks': blocks }).world.blocks).toBe(
      Number(blocks),
    );
  });

  test('in pairs are said in a line about the world', () => {
    expect(worldLine(load(pairs))).toContain('wgmma, 2 SMs a processor');
    expect(worldLine(load({ ...pairs, 'tiles.rows': '64' }))).not.toContain('2 SMs');
  });
});
