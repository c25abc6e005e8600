import { rowTilesBetween } from '../../moe/task-set.ts';
import { groupRows } from '../../trace/analysis/row-groups.ts';
import { EventKind } from '../../trace/generated/events.ts';
import type { CheckContext } from '../context.ts';
import { pairKey } from '../facts.ts';
import type { Findings } from '../findings.ts';
import type { Monitor } from '../monitor.ts';

/** Every rank subtracts every peer's surplus (its own too) once a launch, from that peer's signal, with its row blocks. */
export const t2SurplusOnce: Monitor = {
  id: 'T2',
  title: 'the surplus is subtracted once per peer and epoch, with the right tile count',
  kinds: ['Surplus', 'SignalObserved'],
  needs: 'all events',
  run(context, findings) {
    const { index, events, launches, header } = context;
    const corrections = groupRows(
      index.rowsOf('Surplus'),
      (row) => pairKey(events.launch[row]!, events.rank[row]!),
      (row) => events.aux[row]!,
    );
    for (const launch of launches) {
      for (let rank = 0; rank < header.ranks.length; rank++) {
        for (let peer = 0; peer < header.ranks.length; peer++) {
          const group = corrections.find(pairKey(launch, rank), peer);
          const rows = group < 0 ? new Uint32Array() : corrections.rows(group);
          judgePeer(context, findings, { launch, rank, peer, rows });
        }
      }
    }
    return undefined;
  },
};

interface PeerCorrections {
  readonly launch: number;
  readonly rank: number;
  readonly peer: number;
  readonly rows: Uint32Array;
}

function judgePeer(
  context: CheckContext,
  findings: Findings,
  { launch, rank, peer, rows }: PeerCorrections,
): void {
  const { events, shape, placement } = context;
  const [first, ...more] = rows;
  if (first === undefined) {
    const what = `rank ${rank} never subtracted the surplus of rank ${peer}`;
    findings.absence(launch, rank, what, [`rank ${rank}`, `rank ${peer}`]);
    return;
  }
  for (const row of more) findings.at(row, `surplus of rank ${peer} subtracted again`, first);
  const expected = rowTilesBetween(shape, placement, context.rowsOf(launch), peer, rank);
  if (events.a[first] !== expected) {
    const told = `rank ${peer} will send ${events.a[first]} row blocks`;
    findings.at(first, `${told} by this surplus, ${expected} by its routing`);
  }
  if (!followsSignal(context, first)) {
    findings.at(first, `surplus of rank ${peer} without a signal of it observed before`);
  }
}

/** The subscriber observed a signal of that peer in this launch before the correction. */
function followsSignal({ events, index }: CheckContext, surplus: number): boolean {
  for (let row = index.previous[surplus]!; row >= 0; row = index.previous[row]!) {
    if (events.launch[row] !== events.launch[surplus]) return false;
    const peer = events.aux[row] === events.aux[surplus];
    if (events.kind[row] === EventKind.SignalObserved && peer) return true;
  }
  return false;
}
