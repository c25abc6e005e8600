import { combineFlag, gemm1Cols, rowBlocks } from '../../moe/layout.ts';
import type { CheckContext } from '../context.ts';
import { pairKey } from '../facts.ts';
import type { Findings } from '../findings.ts';
import type { Monitor } from '../monitor.ts';

/**
 * A rank writes its cells at a peer again only after the peer has read them: in the launch before, it must have observed
 * a combine signal of every row block it sent (which the row block's GEMM0 tasks, the cell's readers, precede). A rank
 * writes combine cells of a peer again only after that peer signalled the new epoch, which its COMBINE tasks precede.
 * Counters start every launch at zero.
 */
export const s9Reuse: Monitor = {
  id: 'S9',
  title: 'no cell or counter is reused before its last reader of the previous epoch',
  kinds: ['SignalSent', 'SignalObserved', 'CellArrive', 'TaskFinished'],
  needs: 'all events',
  run(context, findings) {
    judgeCounters(context, findings);
    const [, ...later] = context.launches;
    for (const launch of later) {
      for (let rank = 0; rank < context.header.ranks.length; rank++) {
        judgeDispatchCells(context, findings, launch - 1, rank);
      }
    }
    if (later.length === 0) {
      return { undecided: 'the trace has one launch: nothing but counters is used again' };
    }
    judgeCombineCells(context, findings);
    return { note: `${later.length} times from one launch to the next` };
  },
};

/** The first arrival at a counter in a launch sees zero. */
function judgeCounters({ events, matches }: CheckContext, findings: Findings): void {
  const counters = [
    [matches.cells, 'arrival counter of a cell'],
    [matches.rowBlocks, 'counter of a row block'],
  ] as const;
  for (const [groups, name] of counters) {
    for (let group = 0; group < groups.count; group++) {
      const rows = groups.rows(group);
      const first = rows.reduce((x, y) => (events.b[y]! < events.b[x]! ? y : x));
      if (events.b[first] !== 0) findings.at(first, `${name} began at ${events.b[first]}, not 0`);
    }
  }
}

/** In `launch`, `rank` heard of every row block that it sent: its cells there have been read. */
function judgeDispatchCells(
  context: CheckContext,
  findings: Findings,
  launch: number,
  rank: number,
): void {
  const { shape, matches, placement } = context;
  for (let expert = 0; expert < shape.experts; expert++) {
    const blocks = rowBlocks(shape, Math.max(0, context.kept(launch, rank, expert)));
    for (let block = 0; block < blocks; block++) {
      let heard = false;
      for (let col = 0; col < gemm1Cols(shape) && !heard; col++) {
        const flag = combineFlag(shape, expert, block, col);
        heard = matches.observed.first(pairKey(launch, rank), flag) >= 0;
      }
      if (heard) continue;
      const cell = `row block ${block} of expert ${expert} (rank ${placement.home(expert).rank})`;
      const what = `wrote its cells again without having heard that ${cell} was read`;
      findings.absence(launch, rank, `rank ${rank} ${what}`, [`rank ${rank}`]);
    }
  }
}

/** A combine put of a later launch comes after the home rank's dispatch signal of that launch was observed here. */
function judgeCombineCells(context: CheckContext, findings: Findings): void {
  const { index, events, shape, header } = context;
  const heard = new Map<number, number>();
  for (const row of index.rowsOf('SignalObserved')) {
    if (events.a[row]! >= shape.ranks * shape.slots) continue;
    const key = pairKey(events.launch[row]!, events.rank[row]!) * 65_536 + events.aux[row]!;
    if (!heard.has(key)) heard.set(key, row);
  }
  for (const row of index.rowsOf('Put')) {
    const launch = events.launch[row]!;
    if (launch === header.firstLaunch || events.b[row]! >>> 20 === 0) continue;
    const key = pairKey(launch, events.rank[row]!) * 65_536 + events.aux[row]!;
    const first = heard.get(key) ?? -1;
    const residual = header.clock.residualNs.sameRank;
    if (first >= 0 && events.time[first]! - events.time[row]! <= residual) continue;
    const what = `put into a combine cell of rank ${events.aux[row]}`;
    findings.at(row, `${what} before that rank was heard of in this launch`, first);
  }
}
