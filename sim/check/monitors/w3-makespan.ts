import { cellRowBlocks, gemm0Cols, gemm0Tasks, gemm1Cols, gemm1Tasks } from '../../moe/layout.ts';
import { gpuOf } from '../../moe/world.ts';
import type { CheckContext } from '../context.ts';
import type { Findings } from '../findings.ts';
import { linkLoads } from '../link-bytes.ts';
import type { Monitor } from '../monitor.ts';
import { isTile } from '../open-tasks.ts';

/**
 * No launch is shorter than its rank's GEMM time spread over its processors, nor than half of all its tasks' time spread
 * likewise (a processor runs at most two at once), nor than the longest chain of a row block's GEMM0, GEMM1 and COMBINE, nor than
 * a GPU's link needs for the bytes put over it, where the header says what it carries.
 * It holds for any schedule: a trace that breaks it has clocks or durations that are wrong.
 */
export const w3Makespan: Monitor = {
  id: 'W3',
  title: 'makespan >= max(work / processors, critical path, bytes / bandwidth)',
  kinds: ['TaskStarted', 'TaskFinished'],
  needs: 'all events',
  run(context, findings) {
    const { linkBytesPerNs } = context.header.machine.facts;
    for (const launch of context.launches) {
      judgeLaunch(context, findings, launch);
      if (typeof linkBytesPerNs === 'number') judgeLinks(context, findings, launch, linkBytesPerNs);
    }
    if (typeof linkBytesPerNs === 'number' || context.scenario.world.gpus === 1) return undefined;
    return { note: 'bytes / bandwidth not judged: the header does not say what a link carries' };
  },
};

function judgeLaunch(context: CheckContext, findings: Findings, launch: number): void {
  const { index, events, tasks, header, shape } = context;
  const [begin, end] = index.launchRange(launch);
  if (begin === end) return;
  const makespan = events.time[end - 1]!;
  const gemm = new Float64Array(header.ranks.length);
  const all = new Float64Array(header.ranks.length);
  for (let task = 0; task < tasks.length; task++) {
    if (tasks.launch[task] !== launch) continue;
    const rank = tasks.rank[task]!;
    const ns = Math.max(0, length(context, task));
    all[rank] = all[rank]! + ns;
    if (isTile(shape, tasks.task[task]!)) gemm[rank] = gemm[rank]! + ns;
  }
  // A processor runs one GEMM tile at a time, and at most two tasks.
  for (const [name, work, atOnce] of [['GEMM', gemm, 1] as const, ['all', all, 2] as const]) {
    work.forEach((ns, rank) => {
      const share = ns / context.processors(rank) / atOnce;
      if (share <= makespan) return;
      const what = `${ns} ns of ${name} tasks on ${context.processors(rank)} processors`;
      findings.absence(launch, rank, `${what} in a makespan of ${makespan} ns`);
    });
  }
  const { path, rank } = criticalPath(context, launch);
  const { crossRank } = header.clock.residualNs;
  if (path <= makespan + crossRank) return;
  findings.absence(launch, rank, `critical path of ${path} ns in a makespan of ${makespan} ns`);
}

function judgeLinks(
  context: CheckContext,
  findings: Findings,
  launch: number,
  bytesPerNs: number,
): void {
  const [begin, end] = context.index.launchRange(launch);
  const makespan = end > begin ? context.events.time[end - 1]! : 0;
  linkLoads(context, launch).forEach((load, gpu) => {
    const bytes = Math.max(load.out, load.in);
    // A nanosecond of grace: times are whole ones.
    if (bytes <= (makespan + 1) * bytesPerNs) return;
    const rank = context.header.ranks.findIndex((_, r) => gpuOf(context.scenario.world, r) === gpu);
    const what = `${bytes} bytes over the link of GPU ${gpu} at ${bytesPerNs} B/ns`;
    findings.absence(launch, rank, `${what} in a makespan of ${makespan} ns`);
  });
}

/** Nanoseconds from a task's start to its finish, 0 when it has not both. */
function length({ tasks, events }: CheckContext, task: number): number {
  const started = tasks.steps.started.row[task]!;
  const finished = tasks.steps.finished.row[task]!;
  return started < 0 || finished < 0 ? 0 : events.time[finished]! - events.time[started]!;
}

/** Longest GEMM0 + GEMM1 + COMBINE of one tile, and the rank of its GEMMs. */
function criticalPath(
  context: CheckContext,
  launch: number,
): { readonly path: number; readonly rank: number } {
  const { tasks, shape, placement } = context;
  const gemm1First = gemm0Tasks(shape);
  const combineFirst = gemm1First + gemm1Tasks(shape);
  const slowest = new Map<number, number>();
  const blockKey = (rank: number, rowBlock: number): number => rowBlock * shape.ranks + rank;
  const isOf = (task: number, begin: number, end: number): boolean =>
    tasks.launch[task] === launch && tasks.task[task]! >= begin && tasks.task[task]! < end;
  for (let task = 0; task < tasks.length; task++) {
    if (!isOf(task, 0, gemm1First)) continue;
    const key = blockKey(tasks.rank[task]!, Math.floor(tasks.task[task]! / gemm0Cols(shape)));
    slowest.set(key, Math.max(slowest.get(key) ?? 0, length(context, task)));
  }
  let longest = { path: 0, rank: 0 };
  for (let task = 0; task < tasks.length; task++) {
    if (!isOf(task, gemm1First, combineFirst)) continue;
    const rank = tasks.rank[task]!;
    const tile = tasks.task[task]! - gemm1First;
    const rowBlock = Math.floor(tile / gemm1Cols(shape));
    const cell = Math.floor(rowBlock / cellRowBlocks(shape));
    const slot = Math.floor(cell / shape.ranks);
    if (slot >= placement.localExperts(rank)) continue;
    const block = placement.globalExpert(rank, slot) * cellRowBlocks(shape);
    const combineTile =
      (block + (rowBlock % cellRowBlocks(shape))) * gemm1Cols(shape) + (tile % gemm1Cols(shape));
    const combine = tasks.find(launch, cell % shape.ranks, combineFirst + combineTile);
    const tail = length(context, task) + (combine < 0 ? 0 : length(context, combine));
    const path = (slowest.get(blockKey(rank, rowBlock)) ?? 0) + tail;
    if (path > longest.path) longest = { path, rank };
  }
  return longest;
}
