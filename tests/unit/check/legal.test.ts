import { describe, expect, it } from 'vitest';

import { checkTrace } from '../../../sim/check/check-trace.ts';
import type { Verdict } from '../../../sim/check/report.ts';
import type { Trace } from '../../../sim/trace/trace.ts';
import { legalTrace } from '../../support/legal-trace.ts';
import type { LegalWorld } from '../../support/legal-world.ts';

function idsWith(trace: Trace, verdict: Verdict): string[] {
  return checkTrace(trace)
    .monitors.filter((monitor) => monitor.verdict === verdict)
    .map(({ id }) => id);
}

const worlds: readonly [name: string, world: Partial<LegalWorld>][] = [
  ['two ranks, eager', {}],
  ['two ranks, COMBINE beside tiles', { beside: true }],
  ['one processor, COMBINE beside tiles', { beside: true, processors: 1, launches: 3 }],
  ['two ranks, lazy', { readiness: 'lazy' }],
  ['launches recorded from the seventh on', { firstLaunch: 6, launches: 3 }],
  ['five launches, so that epoch states come round', { launches: 5 }],
  ['one rank', { expertsPerRank: [4], tokens: [64], rows: (_, __, expert) => 9 * expert }],
  ['a single processor', { processors: 1 }],
  ['one tile a row block', { tileCols: 256 }],
  ['one subscriber', { subscribers: 1 }],
  [
    'eight ranks',
    {
      expertsPerRank: [1, 1, 2, 1, 1, 1, 1, 1],
      tokens: [40, 40, 40, 40, 40, 40, 40, 40],
      rows: (_, source, expert) => (source * 5 + expert * 3) % 11,
    },
  ],
  ['a rank without tokens', { tokens: [40, 0], rows: (_, source) => (source === 1 ? 0 : 20) }],
  ['tasks of very unlike lengths, lazy', { readiness: 'lazy', spread: 9000 }],
];

describe('a legal trace', () => {
  it.each(worlds)('of %s breaks nothing', (_, world) => {
    expect(idsWith(legalTrace(world), 'violated')).toEqual([]);
  });

  it('is decided for every invariant that a trace can decide', () => {
    const undecided = ['L1', 'L3', 'L7', 'W4', 'N1', 'N2'];
    expect(idsWith(legalTrace(), 'undecided')).toEqual(undecided);
    expect(idsWith(legalTrace(), 'held')).toHaveLength(31 - undecided.length);
  });

  it('of no tasks at all is legal', () => {
    const trace = legalTrace({ rows: () => 0 });
    expect(idsWith(trace, 'violated')).toEqual([]);
    expect(idsWith(trace, 'held')).toContain('T5');
  });
});
