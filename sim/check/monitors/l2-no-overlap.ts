import { putColumn, putRows, readyTicket } from '../../trace/analysis/fields.ts';
import { groupRows } from '../../trace/analysis/row-groups.ts';
import type { CheckContext } from '../context.ts';
import { pairKey } from '../facts.ts';
import type { Findings } from '../findings.ts';
import type { Monitor } from '../monitor.ts';

/**
 * In one epoch nothing writes the same place twice: heap rows of a rank (whole rows, or one column tile of them), its
 * flags, the slots of its task queues. Not even in order: every place has one writer an epoch. Reuse between epochs is S9.
 */
export const l2NoOverlap: Monitor = {
  id: 'L2',
  title: 'no two writes of an epoch overlap: heap rows, flags, queue slots',
  kinds: ['Put', 'SignalSent', 'TasksReady'],
  needs: 'each event',
  run(context, findings) {
    judgePuts(context, findings);
    judgeFlags(context, findings);
    judgeQueueSlots(context, findings);
    return { note: 'intermediates and outputs are written by tasks, whose uniqueness is S1' };
  },
};

function judgePuts({ index, events }: CheckContext, findings: Findings): void {
  const { launch, aux, a, b } = events;
  const puts = groupRows(
    index.rowsOf('Put'),
    (row) => pairKey(launch[row]!, aux[row]!),
    (row) => putColumn(b[row]!) + 1,
  );
  for (let group = 0; group < puts.count; group++) {
    const rows = puts.rows(group).slice();
    rows.sort((x, y) => a[x]! - a[y]! || x - y);
    let widest = rows[0]!;
    for (let i = 1; i < rows.length; i++) {
      const row = rows[i]!;
      const end = a[widest]! + putRows(b[widest]!);
      if (a[row]! < end) {
        const what = `heap rows ${span(a[row]!, putRows(b[row]!))} of rank ${aux[row]}`;
        const other = span(a[widest]!, putRows(b[widest]!));
        findings.at(row, `put to ${what} overlaps the put to ${other} of this epoch`, widest);
      }
      if (a[row]! + putRows(b[row]!) > end) widest = row;
    }
  }
}

function span(first: number, rows: number): string {
  return `${first} to ${first + rows - 1}`;
}

function judgeFlags({ events, matches }: CheckContext, findings: Findings): void {
  for (let group = 0; group < matches.sent.count; group++) {
    const rows = matches.sent.rows(group);
    for (let i = 1; i < rows.length; i++) {
      const row = rows[i]!;
      const flag = `flag ${events.a[row]} of rank ${events.aux[row]}`;
      findings.at(row, `${flag} signalled again in this epoch`, rows[0]!);
    }
  }
}

function judgeQueueSlots({ index, events }: CheckContext, findings: Findings): void {
  const { launch, rank, aux, b } = events;
  const slots = groupRows(
    index.rowsOf('TasksReady'),
    (row) => pairKey(launch[row]!, rank[row]!),
    // The tickets' low 20 bits and the queue: queues are at most 32.
    (row) => ((aux[row]! & 0xfff) * 2 ** 20 + readyTicket(b[row]!)) >>> 0,
  );
  for (let group = 0; group < slots.count; group++) {
    const rows = slots.rows(group);
    for (let i = 1; i < rows.length; i++) {
      const row = rows[i]!;
      const slot = `ticket ${readyTicket(b[row]!)} of queue ${aux[row]}`;
      findings.at(row, `queue entry written twice: ${slot}`, rows[0]!);
    }
  }
}
