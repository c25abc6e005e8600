import { Round } from '../../moe/generated/layout.ts';
import { flagCount, heapRows, tileWidth } from '../../moe/layout.ts';
import { putColumn, putRows, signalRows } from '../../trace/analysis/fields.ts';
import { groupRows, type RowGroups } from '../../trace/analysis/row-groups.ts';
import { EventKind } from '../../trace/generated/events.ts';
import type { CheckContext } from '../context.ts';
import { pairKey } from '../facts.ts';
import type { Findings } from '../findings.ts';
import { flagColumn, flagExpert, flagSlot, heapPlace, isDispatchFlag } from '../flags.ts';
import type { Monitor } from '../monitor.ts';
import { openTile } from '../open-tasks.ts';

/**
 * A dispatch cell is signalled by its last arriver, after every put into it; the puts hold as many rows as the signal
 * says. A put comes before its block's arrival (direct stores), or is the last arriver's put of the whole cell between its
 * arrival and the signal (put transport). A GEMM1 tile is put before its signal, by the same actor.
 */
export const s5SignalImpliesPayload: Monitor = {
  id: 'S5',
  title: 'a signal implies its whole payload',
  kinds: ['Put', 'CellArrive', 'SignalSent'],
  needs: 'all events',
  run(context, findings) {
    const { index, events, shape } = context;
    const puts = dispatchPuts(context);
    for (const row of index.rowsOf('SignalSent')) {
      if (events.a[row]! >= flagCount(shape) || events.aux[row]! >= shape.ranks) continue;
      if (isDispatchFlag(shape, events.a[row]!)) judgeCell(context, findings, puts, row);
      else judgeTile(context, findings, row);
    }
    return undefined;
  },
};

/** Dispatch puts by (launch and source, destination and slot). */
function dispatchPuts({ index, events, shape }: CheckContext): RowGroups {
  const { launch, rank, aux, a, b } = events;
  const whole = index.rowsOf('Put').filter((row) => {
    if (putColumn(b[row]!) >= 0 || a[row]! >= heapRows(shape)) return false;
    return heapPlace(shape, a[row]!).round === Round.Dispatch;
  });
  return groupRows(
    whole,
    (row) => pairKey(launch[row]!, rank[row]!),
    (row) => pairKey(aux[row]!, heapPlace(shape, a[row]!).slot),
  );
}

function judgeCell(context: CheckContext, findings: Findings, puts: RowGroups, row: number): void {
  const { events, shape, placement, matches, index } = context;
  const key = pairKey(events.launch[row]!, events.rank[row]!);
  const to = events.aux[row]!;
  const slot = flagSlot(shape, events.a[row]!);
  if (slot >= placement.localExperts(to)) return;
  const expert = placement.globalExpert(to, slot);
  const rows = signalRows(events.b[row]!);
  const cell = matches.cells.find(key, expert);
  const arrivals = cell < 0 ? new Uint32Array() : matches.cells.rows(cell).slice();
  arrivals.sort((x, y) => events.b[x]! - events.b[y]! || x - y);
  const group = puts.find(key, pairKey(to, slot));
  const payload = group < 0 ? new Uint32Array() : puts.rows(group);
  const what = (): string => `signal of ${rows} rows of expert ${expert} to rank ${to}`;
  const last = arrivals[arrivals.length - 1];
  if (rows > 0 && last === undefined) {
    findings.at(row, `${what()}, but no block's rows arrived`);
  } else if (last !== undefined && (index.laneOf[last] !== index.laneOf[row] || last > row)) {
    findings.at(row, `${what()} before the last block's rows arrived`, last);
  }
  const until = untilOf(context, row, arrivals);
  let held = 0;
  for (const put of payload) {
    held += putRows(events.b[put]!);
    if (put < (until.get(index.laneOf[put]!) ?? 0)) continue;
    findings.at(row, `${what()} without the put at ${events.time[put]} ns behind it`, put);
  }
  if (held !== rows) {
    findings.at(row, `${what()}, but ${held} rows were put`, ...payload.slice(0, 1));
  }
  judgeChain(context, findings, arrivals, payload);
}

/** Actors that put something behind the signal, and the last row until which their puts count. */
function untilOf(
  { index }: CheckContext,
  signal: number,
  arrivals: Uint32Array,
): Map<number, number> {
  // The last arriver's puts count up to the signal itself, everyone else's up to their arrival.
  const until = new Map<number, number>();
  for (const arrival of arrivals) until.set(index.laneOf[arrival]!, arrival);
  return until.set(index.laneOf[signal]!, signal);
}

/** Each arrival saw exactly the rows that those before it had put; only where every arriver put its own rows. */
function judgeChain(
  { events, index }: CheckContext,
  findings: Findings,
  arrivals: Uint32Array,
  payload: Uint32Array,
): void {
  if (arrivals.length !== payload.length) return;
  const rowsOfLane = new Map<number, number>();
  for (const put of payload) {
    const lane = index.laneOf[put]!;
    rowsOfLane.set(lane, (rowsOfLane.get(lane) ?? 0) + putRows(events.b[put]!));
  }
  let before = 0;
  for (const arrival of arrivals) {
    if (events.b[arrival] !== before) {
      const seen = `arrival saw ${events.b[arrival]} rows of expert ${events.a[arrival]}`;
      findings.at(arrival, `${seen}, ${before} had been put by those before it`);
      return;
    }
    before += rowsOfLane.get(index.laneOf[arrival]!) ?? 0;
  }
}

/** Between its start and its signal, the GEMM1 task put this tile at the signal's destination. */
function judgeTile(context: CheckContext, findings: Findings, row: number): void {
  const { events, index, shape } = context;
  const flag = events.a[row]!;
  const started = openTile(context, row);
  // Outside a tile (S3 says so) nothing counts as put.
  let put = started < 0 ? -1 : index.previous[row]!;
  let held = 0;
  for (; put > started; put = index.previous[put]!) {
    if (events.kind[put] !== EventKind.Put || events.aux[put] !== events.aux[row]) continue;
    if (putColumn(events.b[put]!) === flagColumn(shape, flag)) held += putRows(events.b[put]!);
  }
  if (held === signalRows(events.b[row]!)) return;
  const width = tileWidth(shape, shape.hidden, flagColumn(shape, flag));
  const tile = `tile of expert ${flagExpert(shape, flag)} (${width} columns)`;
  const said = `signal of ${signalRows(events.b[row]!)} rows of a ${tile}`;
  findings.at(row, `${said} to rank ${events.aux[row]}, but ${held} rows were put before it`);
}
