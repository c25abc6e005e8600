import { sequenceBits } from '../../moe/generated/layout.ts';
import { groupRows } from '../../trace/analysis/row-groups.ts';
import { EventKind } from '../../trace/generated/events.ts';
import type { CheckContext } from '../context.ts';
import { pairKey } from '../facts.ts';
import type { Findings } from '../findings.ts';
import type { Monitor } from '../monitor.ts';
import { freeingRow } from '../reads-from.ts';

const sequences = 2 ** sequenceBits;

/**
 * Every doorbell of a processor carries the sequence after the one before it, is rung only after the scheduler saw the
 * one before it freed, and the processor reads the task that was rung.
 */
export const s6Doorbell: Monitor = {
  id: 'S6',
  title: 'a doorbell is overwritten only after it was consumed; consecutive values differ',
  kinds: ['TaskCommitted', 'TaskConsumed', 'ProcessorReady', 'Interrupt'],
  needs: 'all events',
  run(context, findings) {
    const { index, events, matches } = context;
    const rings = groupRings(context);
    for (let group = 0; group < rings.count; group++) {
      judgeProcessor(context, findings, rings.rows(group));
    }
    for (const row of index.rowsOf('TaskConsumed')) {
      const { index: processor } = index.lanes[index.laneOf[row]!]!;
      const rung = matches.rung.first(pairKey(events.rank[row]!, processor), events.b[row]!);
      if (rung < 0 || events.a[rung] === events.a[row]) continue;
      const doorbell = `doorbell ${events.b[row]}`;
      findings.at(
        row,
        `read task ${events.a[row]} from ${doorbell}, rung with ${events.a[rung]}`,
        rung,
      );
    }
    for (const { row, kind, message } of context.order.unmatched) {
      if (kind === 'status') findings.at(row, message);
    }
    return undefined;
  },
};

/** Doorbells and status reads of every processor, in the scheduler's order. */
function groupRings({ index, events }: CheckContext): ReturnType<typeof groupRows> {
  const kinds = ['TaskCommitted', 'Interrupt', 'ProcessorReady'] as const;
  const parts = kinds.map((kind) => index.rowsOf(kind));
  const rows = new Uint32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    rows.set(part, at);
    at += part.length;
  }
  return groupRows(
    rows.sort(),
    (row) => events.rank[row]!,
    (row) => events.aux[row]!,
  );
}

function judgeProcessor(context: CheckContext, findings: Findings, rows: Uint32Array): void {
  const { events } = context;
  let last = -1;
  let freed = false;
  for (const row of rows) {
    if (events.kind[row] === EventKind.ProcessorReady) {
      const rung = last < 0 ? events.a[row]! : events.b[last]!;
      if (events.a[row] === rung) freed = true;
      else findings.at(row, `mailbox free at status ${events.a[row]}, last rung was ${rung}`);
      continue;
    }
    if (events.aux[row]! >= 0x8000) return;
    if (last >= 0) judgeRing(context, findings, last, row, freed);
    last = row;
    freed = false;
  }
}

function judgeRing(
  context: CheckContext,
  findings: Findings,
  last: number,
  row: number,
  freed: boolean,
): void {
  const { events, header } = context;
  const processor = events.aux[row]!;
  const next = (events.b[last]! + 1) % sequences;
  if (events.b[row] !== next) {
    const rung = `doorbell of processor ${processor} rung with sequence ${events.b[row]}`;
    findings.at(row, `${rung} after ${events.b[last]}`, last);
  }
  const overwritten = (): string =>
    `doorbell ${events.b[last]} of processor ${processor} overwritten`;
  // The exit doorbell's mailbox is freed by the end of the launch.
  if (events.kind[last] === EventKind.Interrupt) return;
  if (events.kind[row] === EventKind.TaskCommitted) {
    if (!freed) findings.at(row, `${overwritten()} before the scheduler saw it taken`, last);
    return;
  }
  const taken = freeingRow(context, events.rank[row]!, processor, events.b[last]!);
  if (taken < 0) {
    findings.at(row, `${overwritten()}, and it was never taken`, last);
  } else if (events.time[taken]! - events.time[row]! > header.clock.residualNs.sameRank) {
    findings.at(row, `${overwritten()} before it was taken`, last, taken);
  }
}
