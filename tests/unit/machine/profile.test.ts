import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  besideNames,
  besideOf,
  type ConstantName,
  constantNames,
  constantUnits,
  loadMachineProfile,
  MachineError,
  machineOf,
  parseMachineProfile,
  profileNames,
} from '../../../sim/machine/index.ts';

const file = 'sim/machine/profiles/h200.json';
const text = readFileSync(file, 'utf8');

function problemsOf(broken: string): readonly string[] {
  try {
    parseMachineProfile(broken, 'my.json');
  } catch (error) {
    if (error instanceof MachineError) return error.problems;
    throw error;
  }
  return [];
}

describe('shipped profiles', () => {
  test.each(profileNames)(
    '%s states every constant with its unit and where it comes from',
    (name) => {
      const { constants } = loadMachineProfile(name);
      expect(Object.keys(constants)).toEqual([...constantNames]);
      for (const constant of constantNames) {
        const { unit, source } = constants[constant];
        expect({ constant, unit }).toEqual({ constant, unit: constantUnits[constant] });
        expect(`${constant}: ${source}`).toMatch(
          /: (measured on|as measured on|published: |chosen: |assumed, to be calibrated)/,
        );
      }
    },
  );

  test('a kernel with COMBINE beside tiles states all constants that this takes', () => {
    for (const name of profileNames) {
      const { kernels } = loadMachineProfile(name);
      expect(besideOf(loadMachineProfile(name), 'mma')).toBeUndefined();
      for (const { constants, beside } of Object.values(kernels)) {
        for (const [constant, { unit }] of Object.entries(constants)) {
          expect(unit).toBe(constantUnits[constant as ConstantName]);
        }
        const stated = beside === undefined ? besideNames : Object.keys(beside);
        expect(stated).toEqual(besideNames);
      }
    }
  });

  test('a kernel that the machine cannot run is named', () => {
    expect(() => machineOf(loadMachineProfile('a100'), 'wgmma')).toThrow(
      'world.gemm: expected a kernel of machine a100 (mma), got wgmma',
    );
    expect(() => besideOf(loadMachineProfile('h200'), 'toString')).toThrow('got toString');
  });

  test('what was measured on an H200 is marked so there and nowhere else', () => {
    const h200 = loadMachineProfile('h200').constants;
    expect(h200.doorbellNs).toEqual({
      value: 262,
      unit: 'ns',
      source: 'measured on one H200: half of the 524 ns doorbell round trip between two blocks',
    });
    for (const name of ['h100', 'a100']) {
      const sources = Object.values(loadMachineProfile(name).constants).map(({ source }) => source);
      expect(sources.filter((source) => source.startsWith('measured'))).toEqual([]);
    }
  });

  test('give the numbers the cost model computes with', () => {
    const machine = machineOf(loadMachineProfile('h200'));
    expect(machine.sms).toBe(132);
    expect(machineOf(loadMachineProfile('h200'), 'wgmma')).toMatchObject({
      sms: 132,
      blocksPerSm: 1,
      subscribers: 11,
    });
    // 780 TFLOP/s over 132 SMs.
    expect(machine.tensorFlopPerNs * machine.sms).toBeCloseTo(780_000, -3);
  });
});

describe('a profile file', () => {
  test('is read from a path', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kt-profile-'));
    const path = join(folder, 'mine.json');
    writeFileSync(path, text.replace('"name": "h200"', '"name": "mine"'));
    try {
      expect(loadMachineProfile(path).name).toBe('mine');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('an unknown name lists the known ones', () => {
    expect(() => loadMachineProfile('h300')).toThrow(
      'machine: expected one of h200, h100, a100 or the path of a profile, got h300',
    );
    expect(() => loadMachineProfile('toString')).toThrow('expected one of h200');
    expect(() => loadMachineProfile('no/such.json')).toThrow('no/such.json: expected a readable');
  });

  test('a wrong value is named with line, column and path', () => {
    expect(problemsOf(text.replace('"handOverNs"', '"handoverNs"')).join('\n')).toMatch(
      /kernels\.wgmma\.beside\.handoverNs: expected .*handOverNs.*, got key handoverNs/,
    );
    const line = text.split('\n').findIndex((row) => row.includes('"doorbellNs"')) + 2;
    expect(problemsOf(text.replace('"value": 262', '"value": 26.5'))).toEqual([
      `my.json:${line}:16: constants.doorbellNs.value: expected an integer of at least 0, got 26.5`,
    ]);
  });

  test('a wrong unit, a missing constant and an unknown one are named', () => {
    expect(problemsOf(text.replace('B/ns per GPU"', 'GB/s"')).join('\n')).toContain(
      'constants.hbmBytesPerNs.unit: expected "B/ns per GPU", got "GB/s"',
    );
    expect(problemsOf(text.replace('"fenceNs"', '"fencesNs"')).join('\n')).toMatch(
      /constants\.fencesNs: expected .*fenceNs.*, got key fencesNs/,
    );
  });

  test('a syntax error has its place', () => {
    expect(problemsOf('{ "name": \n "x" ')[0]).toMatch(
      /^my\.json:\d+:\d+: expected valid JSON, got: /,
    );
  });
});
