import { Op } from '../../sim/moe/generated/layout.ts';
import { dispatchFlags, heapRow } from '../../sim/moe/layout.ts';
import { type Corruption, corruption, isOp, lifeOfTask, remove, sameTask } from './corruption.ts';
import { type EventRecord, isKind, moveBefore, sameActor } from './edit-trace.ts';

/** More faults, each as a bug in one place would leave it. */
export const moreCorruptions: readonly Corruption[] = [
  corruption('task that no queue entry held', 'S4', (records) => {
    const ready = records.findIndex((r) => isKind(r, 'TasksReady'));
    records.splice(ready, 1);
    return ready >= 0;
  }),

  corruption('task that the routing does not ask for', 'S2', (records) => {
    const ready = records.find((r) => isKind(r, 'TasksReady'));
    if (!ready) return false;
    const task = records.filter((r) => isKind(r, ...lifeOfTask) && sameTask(r, ready));
    const unused =
      records.reduce((most, r) => (isKind(r, 'TaskStarted') ? Math.max(most, r.a) : most), 0) + 1;
    ready.b -= 1;
    ready.a += 1;
    for (const r of task) r.a = unused;
    return task.length > 0;
  }),

  corruption('dispatch signal before the last arrival', 'S5', (records, shape) => {
    const sent = records.findIndex(
      (r) => isKind(r, 'SignalSent') && r.a < dispatchFlags(shape) && (r.b & 0xfffffff) > 0,
    );
    const arrived = records.findLastIndex(
      (r, i) => i < sent && isKind(r, 'CellArrive') && sameActor(r, records[sent]!),
    );
    if (sent < 0) return false;
    moveBefore(records, sent, arrived);
    return true;
  }),

  corruption('put dropped before its signal', 'S5', (records) => {
    const put = records.findIndex((r) => isKind(r, 'Put'));
    records.splice(put, 1);
    return put >= 0;
  }),

  corruption('flag signalled twice', 'L2', (records) => {
    const sent = records.findIndex((r) => isKind(r, 'SignalSent'));
    if (sent < 0) return false;
    records.splice(sent, 0, { ...records[sent]! });
    return true;
  }),

  corruption('queue entry on a queue that does not exist', 'L4', (records) => {
    const ready = records.find((r) => isKind(r, 'TasksReady'));
    if (ready) ready.aux = 99;
    return ready !== undefined;
  }),

  corruption('put into the cell of another source', 'L5', (records, shape) => {
    const put = records.find((r) => isKind(r, 'Put'));
    if (!put) return false;
    const cellsOfSource = 4 * shape.slots;
    const heap = heapRow(shape, cellsOfSource * shape.ranks, 0);
    put.a = (put.a + heapRow(shape, cellsOfSource, 0)) % heap;
    return shape.ranks > 1;
  }),

  corruption('put one row past its cell', 'L6', (records, shape) => {
    const put = records.find((r) => isKind(r, 'Put') && (r.b & 0xfffff) > 1);
    if (!put) return false;
    put.a += shape.capacity - (put.a % shape.capacity) - (put.b & 0xfffff) + 1;
    return true;
  }),

  corruption('signal for a flag of another rank', 'L5', (records, shape) => {
    const sent = records.find((r) => isKind(r, 'SignalSent') && r.a < dispatchFlags(shape));
    if (!sent) return false;
    sent.a = (sent.a + shape.slots) % dispatchFlags(shape);
    return shape.ranks > 1;
  }),

  corruption('doorbell sequence repeated', 'S6', (records) => {
    const first = records.find((r) => isKind(r, 'TaskCommitted'));
    const second = records.find(
      (r) =>
        r !== first && isKind(r, 'TaskCommitted') && r.rank === first?.rank && r.aux === first.aux,
    );
    if (!first || !second) return false;
    second.b = first.b;
    return true;
  }),

  corruption('processor reads another task than was rung', 'S6', (records) => {
    const read = records.find((r) => isKind(r, 'TaskConsumed'));
    if (read) read.a += 1;
    return read !== undefined;
  }),

  corruption('processor twice in the ready queue', 'S7', (records) => {
    const ready = records.findIndex((r) => isKind(r, 'ProcessorReady'));
    if (ready < 0) return false;
    records.splice(ready, 0, { ...records[ready]! });
    return true;
  }),

  corruption('real packet never read', 'S8', (records) => {
    const observed = records.findIndex((r) => isKind(r, 'SignalObserved') && (r.b & 0xfffffff) > 0);
    records.splice(observed, 1);
    return observed >= 0;
  }),

  corruption('counter not cleared between launches', 'S9', (records, shape, { header }) => {
    if (header.launches < 2) return false;
    const last = header.firstLaunch + header.launches - 1;
    const chain = records.filter(
      (r) => r.launch === last && isKind(r, 'TaskFinished') && isOp(shape, r, Op.Gemm0),
    );
    for (const r of chain) r.b += 1;
    return chain.length > 0;
  }),

  corruption('next launch before its cells were read', 'S9', (records, shape, { header }) => {
    if (header.launches < 2) return false;
    const rank = header.ranks.length - 1;
    const own = records.findIndex(
      (r) =>
        r.launch === header.firstLaunch &&
        r.rank === rank &&
        isKind(r, 'SignalObserved') &&
        r.a >= dispatchFlags(shape),
    );
    if (own < 0) return false;
    const flag = records[own]!.a;
    const cols = Math.ceil(shape.hidden / shape.tileCols);
    const begin = flag - ((flag - dispatchFlags(shape)) % cols);
    remove(
      records,
      (r) =>
        r.launch === header.firstLaunch &&
        r.rank === rank &&
        isKind(r, 'SignalObserved') &&
        r.a >= begin &&
        r.a < begin + cols,
    );
    return true;
  }),

  corruption('ticket skipped', 'S10', (records) => {
    const ready = records.filter((r) => isKind(r, 'TasksReady'));
    const last = ready[ready.length - 1];
    if (last) last.b = (last.b + 4096) >>> 0;
    return last !== undefined;
  }),

  corruption('surplus subtracted per packet', 'T2', (records) => {
    const surplus = records.findIndex((r) => isKind(r, 'Surplus'));
    if (surplus < 0) return false;
    records.splice(surplus, 0, { ...records[surplus]! });
    return true;
  }),

  corruption('bound under the true total', 'T1', (records) => {
    const surplus = records.find((r) => isKind(r, 'Surplus'));
    if (surplus) surplus.b = 0;
    return surplus !== undefined;
  }),

  corruption('stale signal taken as current', 'T3', (records) => {
    const observed = records.find((r) => isKind(r, 'SignalObserved'));
    if (!observed) return false;
    const state = observed.b >>> 28;
    observed.b = ((observed.b & 0xfffffff) | ((1 + ((state + 1) % 4)) << 28)) >>> 0;
    return true;
  }),

  corruption('interrupt before the last task', 'T4', (records) => {
    const interrupt = records.findIndex((r) => isKind(r, 'Interrupt'));
    const commit = records.findLastIndex(
      (r, i) => i < interrupt && isKind(r, 'TaskCommitted') && sameActor(r, records[interrupt]!),
    );
    if (interrupt < 0 || commit < 0) return false;
    moveBefore(records, interrupt, commit);
    return true;
  }),

  corruption('actor that never exits', 'T5', (records) => {
    const exit = records.findIndex((r) => isKind(r, 'Exit'));
    records.splice(exit, 1);
    return exit >= 0;
  }),

  corruption('launch ended by its deadline', 'T5', (records) => {
    const exit = records.find((r) => isKind(r, 'Exit'));
    if (exit) exit.a = 1;
    return exit !== undefined;
  }),

  corruption('doorbell read before it was rung, by the clock', 'S4', (records, _, { header }) => {
    const residual = header.clock.residualNs.sameRank;
    for (let i = 0; i < records.length; i++) {
      const read = records[i]!;
      if (!isKind(read, 'TaskConsumed')) continue;
      const before = records.findLastIndex((r, j) => j < i && sameActor(r, read));
      const rung = records.find(
        (r) => isKind(r, 'TaskCommitted') && r.b === read.b && sameTask(r, read),
      );
      if (before < 0 || !rung || records[before]!.time >= rung.time - residual) continue;
      moveBefore(records, i, before);
      [records[before], records[before + 1]] = [records[before + 1]!, records[before]!];
      return true;
    }
    return false;
  }),

  corruption('scheduler that sweeps and places nothing', 'W1', (records, _, { header }) => {
    // A long pause before a placement in mid-launch, in which the scheduler swept on.
    const sweeps = records.filter((r) => isKind(r, 'Sweep') && r.launch === header.firstLaunch);
    const sweep = sweeps[Math.floor(sweeps.length / 2)];
    if (!sweep) return false;
    const at = records.indexOf(sweep);
    const before = records.findLastIndex(
      (r, i) => i < at && isKind(r, 'Sweep') && sameActor(r, sweep),
    );
    const first = records.find(
      (r, i) => i > before && isKind(r, 'TaskCommitted') && sameActor(r, sweep),
    );
    const time = first?.time ?? sweep.time;
    const pause = 1_000_000;
    for (const r of records) if (r.launch === sweep.launch && r.time >= time) r.time += pause;
    sweep.a += 10_000;
    return true;
  }),

  corruption('task started twice', 'W5', (records) => {
    const started = records.findIndex((r) => isKind(r, 'TaskStarted'));
    if (started < 0) return false;
    records.splice(started, 0, { ...records[started]! });
    return true;
  }),
];

/** Needs a launch whose tasks are many more than its queues can hold open: not every trace has one. */
export const starvation: Corruption = corruption('starved task', 'W6', (records, _, { header }) => {
  // The first task that was ready changes places with the launch's last one.
  const inLaunch = (r: EventRecord): boolean => r.launch === header.firstLaunch && r.rank === 0;
  const first = records.find((r) => isKind(r, 'TasksReady') && inLaunch(r));
  const last = records.findLast((r) => isKind(r, 'TaskCommitted') && inLaunch(r));
  if (!first || !last) return false;
  const [x, y] = [first.a, last.a];
  for (const r of records) {
    if (!inLaunch(r) || !isKind(r, ...lifeOfTask)) continue;
    if (r.a === x) r.a = y;
    else if (r.a === y) r.a = x;
  }
  return true;
});
