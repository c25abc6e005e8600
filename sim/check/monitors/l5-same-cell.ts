import { Op, Round, Stage } from '../../moe/generated/layout.ts';
import { decodeTask, flagCount, heapRows, rowSpan, taskSpace } from '../../moe/layout.ts';
import { putColumn, putRows, signalRows } from '../../trace/analysis/fields.ts';
import type { CheckContext } from '../context.ts';
import type { Findings } from '../findings.ts';
import {
  flagBlock,
  flagExpert,
  flagSender,
  flagSlot,
  heapPlace,
  isDispatchFlag,
  roundName,
} from '../flags.ts';
import type { Monitor } from '../monitor.ts';
import { openTile } from '../open-tasks.ts';

/** Cells and flags that a sender names are those that its receiver reads for it, also with unequal experts a rank. */
export const l5SameCell: Monitor = {
  id: 'L5',
  title: 'sender and receiver compute the same cell and flag',
  kinds: ['Put', 'SignalSent', 'SignalObserved'],
  needs: 'each event',
  run(context, findings) {
    for (const row of context.index.rowsOf('Put')) judgePut(context, findings, row);
    for (const row of context.index.rowsOf('CellArrive')) judgeArrival(context, findings, row);
    for (const row of context.index.rowsOf('SignalSent')) judgeSent(context, findings, row);
    for (const row of context.index.rowsOf('SignalObserved')) {
      judgeObserved(context, findings, row);
    }
    return undefined;
  },
};

function judgePut(context: CheckContext, findings: Findings, row: number): void {
  const { events, shape, placement, tasks } = context;
  const to = events.aux[row]!;
  const me = events.rank[row]!;
  if (to >= shape.ranks || events.a[row]! >= heapRows(shape)) {
    findings.at(row, `put to heap row ${events.a[row]} of rank ${to}, which does not exist`);
    return;
  }
  const place = heapPlace(shape, events.a[row]!);
  const column = putColumn(events.b[row]!);
  const round = column < 0 ? Round.Dispatch : Round.Combine;
  const owner = round === Round.Dispatch ? to : me;
  const cell = (): string =>
    `cell (source ${place.source}, ${roundName(place.round)}, slot ${place.slot})`;
  if (place.round !== round || place.stage !== Stage.Incoming || place.source !== me) {
    findings.at(row, `${roundName(round)} put of rank ${me} into ${cell()} of rank ${to}`);
  } else if (place.slot >= placement.localExperts(owner)) {
    findings.at(row, `put into ${cell()}: rank ${owner} has no such expert`);
  }
  if (round !== Round.Combine) return;
  // The put of a GEMM1 tile lies between its start and its finish.
  const started = openTile(context, row);
  const number = started < 0 ? -1 : tasks.taskOf[started]!;
  if (number < 0 || tasks.task[number]! >= taskSpace(shape)) return;
  const task = decodeTask(shape, tasks.task[number]!);
  if (task.op !== Op.Gemm1) return;
  const expert = placement.globalExpert(me, Math.min(task.expert, placement.localExperts(me) - 1));
  const rows = rowSpan(shape, context.kept(events.launch[row]!, task.peer, expert), task.block);
  const same =
    to === task.peer &&
    place.slot === task.expert &&
    column === task.col &&
    place.row === rows.begin &&
    putRows(events.b[row]!) === rows.count;
  if (same) return;
  const tile = `rows ${rows.begin} to ${rows.begin + rows.count - 1} of slot ${task.expert}`;
  const expected = `${tile}, column ${task.col}, at rank ${task.peer}`;
  findings.at(row, `GEMM1's tile put elsewhere than ${expected}`, started);
}

function judgeArrival(context: CheckContext, findings: Findings, row: number): void {
  const { events, shape, placement } = context;
  const expert = events.a[row]!;
  const home = expert < shape.experts ? placement.home(expert).rank : -1;
  if (home === events.aux[row]) return;
  findings.at(row, `rows of expert ${expert} counted for rank ${events.aux[row]}, not ${home}`);
}

function judgeSent(context: CheckContext, findings: Findings, row: number): void {
  const { events, shape, placement } = context;
  const to = events.aux[row]!;
  const flag = events.a[row]!;
  const me = events.rank[row]!;
  const launch = events.launch[row]!;
  if (to >= shape.ranks || flag >= flagCount(shape)) {
    findings.at(row, `signal to flag ${flag} of rank ${to}, which does not exist`);
    return;
  }
  if (flagSender(shape, placement, flag) !== me) {
    const sender = flagSender(shape, placement, flag);
    findings.at(row, `rank ${me} signalled flag ${flag} of rank ${to}, which is rank ${sender}'s`);
    return;
  }
  const slot = flagSlot(shape, flag);
  if (isDispatchFlag(shape, flag) && slot >= placement.localExperts(to)) {
    findings.at(row, `signal for slot ${slot} of rank ${to}, which has no such expert`);
    return;
  }
  const rows = isDispatchFlag(shape, flag)
    ? context.kept(launch, me, placement.globalExpert(to, slot))
    : rowSpan(shape, context.kept(launch, to, flagExpert(shape, flag)), flagBlock(shape, flag))
        .count;
  if (signalRows(events.b[row]!) === rows) return;
  findings.at(row, `signal says ${signalRows(events.b[row]!)} rows, the cell has ${rows}`);
}

function judgeObserved(context: CheckContext, findings: Findings, row: number): void {
  const { events, shape, placement, index } = context;
  const flag = events.a[row]!;
  const sender = flag < flagCount(shape) ? flagSender(shape, placement, flag) : -1;
  if (sender !== events.aux[row]) {
    findings.at(row, `took flag ${flag} for rank ${events.aux[row]}'s, it is rank ${sender}'s`);
  }
  if (index.lanes[index.laneOf[row]!]!.role !== 'subscriber') {
    findings.at(row, 'signal observed by an actor that is no subscriber');
  }
}
