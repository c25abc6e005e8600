import { capacityOf } from '../../moe/capacity.ts';
import { Round } from '../../moe/generated/layout.ts';
import { heapRows } from '../../moe/layout.ts';
import { putColumn, putRows } from '../../trace/analysis/fields.ts';
import type { CheckContext } from '../context.ts';
import type { Findings } from '../findings.ts';
import { heapPlace } from '../flags.ts';
import type { Monitor } from '../monitor.ts';

/**
 * No rank keeps more rows for an expert than its capacity; a put's rows lie in one cell, and in that cell's kept rows, so that
 * padding is never written.
 */
export const l6RowsInCell: Monitor = {
  id: 'L6',
  title: 'rows, padded ones too, stay inside their cell',
  kinds: ['Put'],
  needs: 'each event',
  run(context, findings) {
    const { events, shape, placement, index } = context;
    const { launch, rank, aux, a, b } = events;
    judgeKept(context, findings);
    for (const row of index.rowsOf('Put')) {
      const rows = putRows(b[row]!);
      if (rows === 0) findings.at(row, 'put of no rows');
      if (a[row]! >= heapRows(shape)) continue;
      const place = heapPlace(shape, a[row]!);
      const last = place.row + rows;
      if (last > shape.capacity) {
        findings.at(row, `rows ${place.row} to ${last - 1} of a cell of ${shape.capacity} rows`);
        continue;
      }
      const combine = putColumn(b[row]!) >= 0 && place.round === Round.Combine;
      const owner = combine ? rank[row]! : aux[row]!;
      if (owner >= shape.ranks || place.slot >= placement.localExperts(owner)) continue;
      const expert = placement.globalExpert(owner, place.slot);
      const kept = context.kept(launch[row]!, combine ? aux[row]! : rank[row]!, expert);
      if (last > kept) {
        findings.at(row, `rows ${place.row} to ${last - 1} of a cell with ${kept} kept rows`);
      }
    }
    return undefined;
  },
};

function judgeKept(context: CheckContext, findings: Findings): void {
  const { model } = context.scenario;
  for (const launch of context.launches) {
    context.rowsOf(launch).forEach((experts, rank) => {
      const capacity = capacityOf(model, model.tokens[rank]!);
      experts.forEach((rows, expert) => {
        if (rows <= capacity) return;
        const what = `rank ${rank} keeps ${rows} rows for expert ${expert}`;
        findings.absence(launch, rank, `${what}, its capacity is ${capacity}`, [`rank ${rank}`]);
      });
    });
  }
}
