import { describe, expect, test } from 'vitest';
import {
  combineTileNs,
  gateBlockNs,
  gemmTileWork,
  loadMachineProfile,
  machineOf,
  sharedMachine,
  storeNs,
  tileBytes,
} from '../../../sim/machine/index.ts';

const h200 = machineOf(loadMachineProfile('h200'));

describe('cost model', () => {
  test('a 128 x 128 tile at K = 2048 is about 11 us of tensor cores', () => {
    const tensor = (2 * 128 * 128 * 2048) / h200.tensorFlopPerNs;
    const bound = gemmTileWork({ ...h200, smL2BytesPerNs: 1e9 }, 128, 128, 2048);
    expect(bound).toBe(Math.ceil(tensor));
    expect(bound / 1000).toBeCloseTo(11.4, 1);
  });

  test('a thin tile is bound by its operands, a thick one by its multiplications', () => {
    const bytes = (8 + 128) * 2048 * 2;
    expect(gemmTileWork(h200, 8, 128, 2048)).toBe(Math.ceil(bytes / h200.smL2BytesPerNs));
    expect(gemmTileWork(h200, 256, 256, 2048)).toBe(
      Math.ceil((2 * 256 * 256 * 2048) / h200.tensorFlopPerNs),
    );
  });

  test('COMBINE pays for what it completes, and always for its counters', () => {
    expect(combineTileNs(h200, 0, 0, 128)).toBe(h200.combineTaskNs);
    expect(combineTileNs(h200, 10, 20, 128)).toBe(
      h200.combineTaskNs + Math.ceil((30 * 128 * 2) / h200.smCopyBytesPerNs),
    );
  });

  test('a block without tokens pays the fixed part of the gate alone', () => {
    expect(gateBlockNs(h200, 0, 2048, 2)).toBe(h200.gateNs);
    const bytes = 64 * 2048 * 2;
    expect(gateBlockNs(h200, 64, 2048, 1)).toBe(
      h200.gateNs + Math.ceil(bytes / h200.gateBytesPerNs),
    );
    expect(gateBlockNs(h200, 64, 2048, 2)).toBe(
      h200.gateNs + Math.ceil((2 * bytes) / h200.gateBytesPerNs),
    );
  });

  test('blocks that share an SM share its rates and nothing else', () => {
    const half = sharedMachine(h200, 2);
    expect(half.smCopyBytesPerNs).toBe(h200.smCopyBytesPerNs / 2);
    expect(half.doorbellNs).toBe(h200.doorbellNs);
    expect(storeNs(half, 1000)).toBe(2 * storeNs(h200, 1000));
  });

  test('elements are two bytes', () => {
    expect(tileBytes(3, 5)).toBe(30);
  });
});
