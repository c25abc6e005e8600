import { describe, expect, it } from 'vitest';
import { countSass, registersOf } from '../../../sim/verify/sass/count.ts';
import { type Half, judge, policiesPage } from '../../../sim/verify/sass/judge.ts';

/** A listing as nvdisasm prints it: the body, the branch to itself behind it, and what fills the last line. */
function listing(functions: Readonly<Record<string, readonly string[]>>): string {
  const lines = Object.entries(functions).flatMap(([name, body]) => [
    `\t.section\t.text.${name},"ax",@progbits`,
    `${name}:`,
    `.text.${name}:`,
    ...[...body, 'EXIT ;', 'BRA `(.L_x_0);', 'NOP;', 'NOP;'].map(
      (text, i) =>
        `        /*${(i * 16).toString(16).padStart(4, '0')}*/                   ${text}`,
    ),
    '.L_x_1:',
  ]);
  return lines.join('\n');
}

const half = (functions: Readonly<Record<string, readonly string[]>>): Half => ({
  counts: countSass(listing(functions)),
  registers: new Map(),
});

const compared = [{ name: 'ring', what: 'rings', allowed: 2 }];

describe('counting a disassembly', () => {
  it('classes every instruction and leaves out what is never executed', () => {
    const body = [
      'S2R R0, SR_TID.X ;',
      '@!P0 LD.E.64.STRONG.GPU R2, desc[UR8][R2.64] ;',
      'CCTL.IVALL ;',
      '@UP1 UIADD3 UR4, UR5, -0x1, UR6 ;',
      'NOP ;',
      'VOTE.ANY R27, PT, P0 ;',
      'MEMBAR.ALL.GPU ;',
      'ERRBAR;',
      '@!P0 ST.E.STRONG.GPU desc[UR10][R4.64], R7 ;',
      'ATOM.E.ADD.STRONG.GPU PT, R7, [R10], R16 ;',
      '@P3 BRA `(.L_x_260) ;',
    ];
    expect(countSass(listing({ f: body, empty: [] }))).toEqual(
      new Map([
        ['f', { memory: 2, atomics: 1, fences: 3, warp: 2, control: 2, integer: 2, total: 12 }],
        ['empty', { memory: 0, atomics: 0, fences: 0, warp: 0, control: 1, integer: 0, total: 1 }],
      ]),
    );
  });

  it('refuses what is no listing', () => {
    expect(() => countSass('nvdisasm fatal: no such file')).toThrow('found no function');
  });

  it('reads the registers from the assembler', () => {
    const report = [
      "ptxas info    : Compiling entry function 'ring' for 'sm_90a'",
      'ptxas info    : Used 12 registers, used 0 barriers',
    ].join('\n');
    expect(registersOf(report)).toEqual(new Map([['ring', 12]]));
  });
});

describe('judging the policies', () => {
  const hand = half({ ring: ['MOV R0, R1 ;'] });

  it('lets a few moves pass', () => {
    const policy = half({ ring: Array.from({ length: 3 }, () => 'MOV R0, R1 ;') });
    expect(judge(policy, hand, compared).map((row) => row.problem)).toEqual(['']);
  });

  it('names a function with too many instructions', () => {
    const policy = half({ ring: Array.from({ length: 4 }, () => 'MOV R0, R1 ;') });
    const [row] = judge(policy, hand, compared);
    expect(row?.problem).toBe(
      'ring: 5 instructions through the policies, 2 by hand: 3 more, allowed 2',
    );
  });

  it('names one more access, however few instructions there are', () => {
    const policy = half({ ring: ['LDG.E R0, desc[UR8][R2.64] ;'] });
    expect(judge(policy, hand, compared)[0]?.problem).toContain('1 accesses');
  });

  it('wants every function on both sides', () => {
    expect(() => judge(hand, half({ other: [] }), compared)).toThrow('nobody compares other');
    expect(() => judge(hand, { counts: new Map(), registers: new Map() }, compared)).toThrow(
      "ring is missing in the hand's half",
    );
  });

  it('writes what it found', () => {
    const policy = half({ ring: ['MOV R0, R1 ;', 'NOP ;'] });
    const page = policiesPage(judge(policy, hand, compared), 'release 13.0');
    expect(page).toContain('| rings | 3 | 2 | +1 | 2 | 0 | 0 | 0 | 1 / 0 | 1 | 1 | 0 |');
  });
});
