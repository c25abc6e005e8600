import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { checkTrace } from '../../../sim/check/check-trace.ts';
import { EventKind } from '../../../sim/trace/generated/events.ts';
import type { Trace } from '../../../sim/trace/trace.ts';
import { type EventRecord, recordsOf, traceOf } from '../../support/edit-trace.ts';
import { legalTrace } from '../../support/legal-trace.ts';

const trace = legalTrace({ launches: 2 });
const records = recordsOf(trace);

/** One change to one event: a field set to anything it can hold, the event dropped, or written twice. */
const change = fc.record({
  at: fc.nat({ max: records.length - 1 }),
  what: fc.constantFrom('a', 'b', 'aux', 'kind', 'drop', 'repeat'),
  value: fc.oneof(
    fc.nat({ max: 40 }),
    fc.nat({ max: 0xffff_ffff }),
    fc.constantFrom(0xffff_ffff, 0xffff, 0x8000, 2 ** 28, 2 ** 20),
  ),
});

type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function changed(changes: readonly Change[]): Trace {
  const copy = records.map((r) => ({ ...r }));
  const out: EventRecord[] = [];
  const kinds = Object.values(EventKind);
  const byRow = new Map(changes.map((c) => [c.at, c]));
  copy.forEach((r, row) => {
    const { what, value } = byRow.get(row) ?? { what: 'none', value: 0 };
    if (what === 'a') r.a = value;
    if (what === 'b') r.b = value;
    if (what === 'aux') r.aux = value & 0xffff;
    if (what === 'kind') r.kind = kinds[value % kinds.length]!;
    if (what === 'drop') return;
    out.push(r);
    if (what === 'repeat') out.push({ ...r });
  });
  return traceOf(trace.header, out);
}

describe('checkTrace', () => {
  it('judges any trace, however broken, without failing', () => {
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
        const { monitors } = checkTrace(changed(changes));
        for (const { verdict, total, violations } of monitors) {
          expect(verdict === 'violated').toBe(total > 0);
          expect(violations.length).toBeLessThanOrEqual(total);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('finds that a task, commit, signal or exit was dropped or repeated, whichever it is', () => {
    const vital = records.flatMap((r, row) =>
      [
        EventKind.Put,
        EventKind.SignalSent,
        EventKind.TasksReady,
        EventKind.TaskCommitted,
        EventKind.TaskConsumed,
        EventKind.TaskStarted,
        EventKind.TaskFinished,
        EventKind.Surplus,
        EventKind.Exit,
      ].some((kind) => kind === r.kind)
        ? [row]
        : [],
    );
    fc.assert(
      fc.property(fc.constantFrom(...vital), fc.constantFrom('drop', 'repeat'), (at, what) => {
        expect(checkTrace(changed([{ at, what, value: 0 }])).clean).toBe(false);
      }),
      { numRuns: 120 },
    );
  });
});
