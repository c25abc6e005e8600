import {
  combineTask,
  gemm0Cols,
  gemm0Tasks,
  gemm1Cols,
  gemm1Tasks,
  taskSpace,
} from '../../moe/layout.ts';
import { readyCount } from '../../trace/analysis/fields.ts';
import type { CheckContext } from '../context.ts';
import { pairKey } from '../facts.ts';
import type { Findings } from '../findings.ts';
import { flagBlock, flagColumn, flagExpert, isDispatchFlag } from '../flags.ts';
import type { Monitor } from '../monitor.ts';
import { openTile } from '../open-tasks.ts';
import { taskLabel } from '../task-label.ts';

/**
 * GEMM1 tiles of a row block are published by the actor that finished its last GEMM0 tile, after that; COMBINE by the
 * subscriber that took the tile's signal, after that; and no clock shows a successor started before its predecessor
 * ended, beyond what clocks may disagree.
 */
export const s3Dependencies: Monitor = {
  id: 'S3',
  title:
    'GEMM0 of a row block before its GEMM1; GEMM1 before its signal; signal before its COMBINE',
  kinds: ['TasksReady', 'TaskStarted', 'TaskFinished'],
  needs: 'all events',
  run(context, findings) {
    const { index, events, shape } = context;
    const gemm1 = gemm0Tasks(shape);
    const combine = gemm1 + gemm1Tasks(shape);
    for (const row of index.rowsOf('TasksReady')) {
      const first = events.a[row]!;
      if (first >= taskSpace(shape)) continue;
      if (first >= combine) judgeCombine(context, findings, row);
      else if (first >= gemm1) judgeGemm1(context, findings, row);
    }
    for (const row of index.rowsOf('SignalSent')) {
      if (!isDispatchFlag(shape, events.a[row]!)) judgeSignal(context, findings, row);
    }
    return undefined;
  },
};

/** The GEMM0 tiles of the row block: all finished, the last by this actor before it published. */
function judgeGemm1(context: CheckContext, findings: Findings, row: number): void {
  const { events, shape, matches, index } = context;
  const launch = events.launch[row]!;
  const rank = events.rank[row]!;
  const rowBlock = Math.floor((events.a[row]! - gemm0Tasks(shape)) / gemm1Cols(shape));
  const group = matches.rowBlocks.find(pairKey(launch, rank), rowBlock);
  const done = group < 0 ? new Uint32Array() : matches.rowBlocks.rows(group);
  const name = (): string => taskLabel(shape, events.a[row]!);
  if (done.length !== gemm0Cols(shape)) {
    const tiles = `${done.length} of ${gemm0Cols(shape)} GEMM0 tiles`;
    findings.at(
      row,
      `${name()} ready, but ${tiles} of its row block finished`,
      ...done.slice(0, 1),
    );
    return;
  }
  const last = done.find((each) => events.b[each] === gemm0Cols(shape) - 1);
  if (last === undefined) {
    findings.at(row, `${name()} ready, but no GEMM0 tile of its row block saw all others finished`);
  } else if (index.laneOf[last] !== index.laneOf[row] || last > row) {
    findings.at(row, `${name()} ready before its row block's last GEMM0 tile finished`, last);
  }
  judgeClocks(context, findings, row, done);
}

/** No GEMM1 tile of the entry starts before a GEMM0 tile of its row block ends. */
function judgeClocks(
  { events, tasks, header, shape }: CheckContext,
  findings: Findings,
  row: number,
  done: Uint32Array,
): void {
  let last = done[0]!;
  for (const each of done) if (events.time[each]! > events.time[last]!) last = each;
  const earliest = events.time[last]! - header.clock.residualNs.sameRank;
  const count = readyCount(events.b[row]!);
  for (let i = 0; i < count; i++) {
    const task = tasks.find(events.launch[row]!, events.rank[row]!, events.a[row]! + i);
    const started = tasks.steps.started.row[task]!;
    if (started < 0 || events.time[started]! >= earliest) continue;
    const name = taskLabel(shape, events.a[row]! + i);
    const early = events.time[last]! - events.time[started]!;
    findings.at(started, `${name} started ${early} ns before a GEMM0 tile it reads ended`, last);
  }
}

/** COMBINE tasks of an entry: neighbouring tiles whose signals the subscriber took before it published them. */
function judgeCombine(context: CheckContext, findings: Findings, row: number): void {
  const { events, shape } = context;
  const end = Math.min(events.a[row]! + readyCount(events.b[row]!), taskSpace(shape));
  for (let task = events.a[row]!; task < end; task++) judgeTile(context, findings, row, task);
}

/** The tile's signal was taken by this subscriber before; its task starts after the signal was sent. */
function judgeTile(context: CheckContext, findings: Findings, row: number, task: number): void {
  const { events, shape, matches, index, tasks, header } = context;
  const launch = events.launch[row]!;
  const rank = events.rank[row]!;
  const flag = task - combineTask(shape, 0, 0, 0) + shape.ranks * shape.slots;
  const name = (): string => taskLabel(shape, task);
  const observed = matches.observed.first(pairKey(launch, rank), flag);
  if (observed < 0) {
    findings.at(row, `${name()} ready, but its signal (flag ${flag}) was not observed`);
  } else if (index.laneOf[observed] !== index.laneOf[row] || observed > row) {
    findings.at(row, `${name()} ready before its signal was observed`, observed);
  }
  const sent = matches.sent.first(pairKey(launch, rank), flag);
  const started = tasks.steps.started.row[tasks.find(launch, rank, task)]!;
  if (sent < 0 || started < 0) return;
  const early = events.time[sent]! - events.time[started]!;
  const residual = header.clock.residualNs;
  if (early <= (events.rank[sent] === rank ? residual.sameRank : residual.crossRank)) return;
  findings.at(started, `${name()} started ${early} ns before its signal was sent`, sent);
}

/** A combine signal is sent by the GEMM1 task of its tile, between that task's start and its finish. */
function judgeSignal(context: CheckContext, findings: Findings, row: number): void {
  const { events, shape, placement } = context;
  const flag = events.a[row]!;
  const started = openTile(context, row);
  if (started < 0) {
    findings.at(row, `combine signal (flag ${flag}) sent outside a GEMM1 task`);
    return;
  }
  const expert = flagExpert(shape, flag);
  if (expert >= shape.experts) return;
  const { slot } = placement.home(expert);
  const cell = (slot * shape.ranks + events.aux[row]!) * (shape.capacity / shape.tileRows);
  const tile = (cell + flagBlock(shape, flag)) * gemm1Cols(shape) + flagColumn(shape, flag);
  if (events.a[started] === gemm0Tasks(shape) + tile) return;
  const name = taskLabel(shape, events.a[started]!);
  findings.at(row, `${name} sent the signal of another tile (flag ${flag})`, started);
}
