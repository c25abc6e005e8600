import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fabric } from '../../../sim/machine/index.ts';

const constants = { gpusPerNode: 8, nicsPerNode: 8, linkNs: 900, nicNs: 2000 };

function way(fabric: Fabric, from: number, to: number): number[] {
  const { linkFrom, linkTo, nicFrom, nicTo, latencyNs } = fabric.route(from, to);
  return [linkFrom, linkTo, nicFrom, nicTo, latencyNs];
}

describe('fabric', () => {
  test('in a node over links, on one rail from card to card', () => {
    const fabric = new Fabric(constants, 24);
    expect([fabric.nodes, fabric.nics]).toEqual([3, 24]);
    expect(way(fabric, 1, 6)).toEqual([1, 6, -1, -1, 900]);
    expect(way(fabric, 3, 19)).toEqual([-1, -1, 3, 19, 2000]);
    expect(way(fabric, 19, 3)).toEqual([-1, -1, 19, 3, 2000]);
  });

  test('between rails over the links of the sender, to the GPU with the place of the receiver', () => {
    const fabric = new Fabric(constants, 24);
    expect(way(fabric, 1, 22)).toEqual([1, 6, 6, 22, 2900]);
    expect(way(fabric, 22, 1)).toEqual([22, 17, 17, 1, 2900]);
  });

  test('where the sender lacks that place, over the links of the receiver', () => {
    const fabric = new Fabric(constants, 11);
    expect(way(fabric, 9, 6)).toEqual([1, 6, 9, 1, 2900]);
  });

  test('GPUs share the cards of a node that has fewer', () => {
    const fabric = new Fabric({ ...constants, nicsPerNode: 2 }, 16);
    expect(Array.from({ length: 16 }, (_, gpu) => fabric.nicOf(gpu))).toEqual([
      0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3,
    ]);
    // One rail for places 0 to 3.
    expect(way(fabric, 0, 11)).toEqual([-1, -1, 0, 2, 2000]);
    expect(way(fabric, 0, 12)).toEqual([0, 4, 1, 3, 2900]);
  });

  test('a way stays among GPUs and cards that exist, on one rail, and leaves and enters the right nodes', () => {
    const world = fc.record({
      gpusPerNode: fc.integer({ min: 1, max: 8 }),
      nicsPerNode: fc.integer({ min: 1, max: 8 }),
      gpus: fc.integer({ min: 2, max: 40 }),
      pair: fc.tuple(fc.nat(), fc.nat()),
    });
    fc.assert(
      fc.property(world, ({ gpusPerNode, nicsPerNode, gpus, pair }) => {
        const fabric = new Fabric({ gpusPerNode, nicsPerNode, linkNs: 1, nicNs: 2 }, gpus);
        const from = pair[0] % gpus;
        const to = pair[1] % gpus;
        const { linkFrom, linkTo, nicFrom, nicTo } = fabric.route(from, to);
        expect(Math.max(linkFrom, linkTo)).toBeLessThan(gpus);
        const oneNode = linkFrom < 0 || fabric.nodeOf(linkFrom) === fabric.nodeOf(linkTo);
        expect(oneNode).toBe(true);
        const crosses = fabric.nodeOf(from) !== fabric.nodeOf(to);
        expect(nicFrom >= 0).toBe(crosses);
        const rails = crosses ? [nicFrom % nicsPerNode, nicTo % nicsPerNode] : [0, 0];
        expect(rails[0]).toBe(rails[1]);
        const nodes = crosses
          ? [nicFrom, nicTo].map((nic) => Math.floor(nic / nicsPerNode))
          : [fabric.nodeOf(from), fabric.nodeOf(to)];
        expect(nodes).toEqual([fabric.nodeOf(from), fabric.nodeOf(to)]);
      }),
    );
  });
});
