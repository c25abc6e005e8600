import { Round } from '../../moe/generated/layout.ts';
import { heapRows } from '../../moe/layout.ts';
import { putColumn, putRows } from '../../trace/analysis/fields.ts';
import { heapPlace } from '../flags.ts';
import type { Monitor } from '../monitor.ts';

/** A put's rows lie in one cell, and in that cell's kept rows: padding is never written. */
export const l6RowsInCell: Monitor = {
  id: 'L6',
  title: 'rows, padded ones too, stay inside their cell',
  kinds: ['Put'],
  needs: 'each event',
  run(context, findings) {
    const { events, shape, placement, index } = context;
    const { launch, rank, aux, a, b } = events;
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
