import { Op } from '../../sim/moe/generated/layout.ts';
import { combineTask, dispatchFlags } from '../../sim/moe/layout.ts';
import { EventKind } from '../../sim/trace/generated/events.ts';
import {
  type Corruption,
  corruption,
  following,
  isOp,
  lifeOfTask,
  remove,
  sameTask,
} from './corruption.ts';
import { isKind, moveAfter, moveBefore, sameActor } from './edit-trace.ts';

/** The eight faults that every recorded trace is tried with. */
export const eightCorruptions: readonly Corruption[] = [
  corruption('lost task', 'S1', (records) => {
    const lost = records.find((r) => isKind(r, 'TaskCommitted'));
    if (!lost) return false;
    remove(records, (r) => isKind(r, ...lifeOfTask) && sameTask(r, lost));
    return true;
  }),

  corruption('doubled task', 'S1', (records) => {
    const finished = records.findIndex((r) => isKind(r, 'TaskFinished'));
    if (finished < 0) return false;
    const again = { ...records[finished]! };
    records.splice(finished + 1, 0, { ...again, kind: EventKind.TaskStarted }, again);
    return true;
  }),

  corruption('early GEMM1', 'S3', (records, shape) => {
    const ready = records.findIndex((r) => isKind(r, 'TasksReady') && isOp(shape, r, Op.Gemm1));
    if (ready < 0) return false;
    const finished = records.findLastIndex(
      (r, i) => i < ready && isKind(r, 'TaskFinished') && sameActor(r, records[ready]!),
    );
    moveBefore(records, ready, finished);
    return true;
  }),

  corruption('early COMBINE', 'S3', (records, shape) => {
    const ready = records.findIndex((r) => isKind(r, 'TasksReady') && isOp(shape, r, Op.Combine));
    if (ready < 0) return false;
    const flag = records[ready]!.a - (combineTask(shape, 0, 0, 0) - dispatchFlags(shape));
    const observed = records.findIndex(
      (r) => isKind(r, 'SignalObserved') && r.a === flag && sameActor(r, records[ready]!),
    );
    if (observed < 0) return false;
    moveBefore(records, ready, observed);
    return true;
  }),

  corruption('signal before payload', 'S5', (records, shape) => {
    const sent = records.findIndex((r) => isKind(r, 'SignalSent') && r.a >= dispatchFlags(shape));
    if (sent < 0) return false;
    const put = records.findLastIndex(
      (r, i) => i < sent && isKind(r, 'Put') && sameActor(r, records[sent]!),
    );
    moveBefore(records, sent, put);
    return true;
  }),

  corruption('overlapping put', 'L2', (records) => {
    for (const first of records) {
      if (!isKind(first, 'Put')) continue;
      const other = records.find(
        (r) =>
          r !== first &&
          isKind(r, 'Put') &&
          r.launch === first.launch &&
          r.aux === first.aux &&
          r.b >>> 20 === first.b >>> 20,
      );
      if (!other) continue;
      other.a = first.a;
      return true;
    }
    return false;
  }),

  corruption('doorbell overwritten', 'S6', (records) => {
    // The scheduler's second doorbell to a processor, rung before it saw the first one taken.
    for (let ready = 0; ready < records.length; ready++) {
      const r = records[ready]!;
      if (!isKind(r, 'ProcessorReady')) continue;
      const rungBefore = records.some(
        (x, i) => i < ready && isKind(x, 'TaskCommitted') && sameActor(x, r) && x.aux === r.aux,
      );
      const rung = following(records, ready, (x) => isKind(x, 'TaskCommitted') && x.aux === r.aux);
      if (!rungBefore || rung < 0) continue;
      moveAfter(records, ready, rung);
      return true;
    }
    return false;
  }),

  corruption('task after exit', 'T4', (records) => {
    const exit = records.findIndex((r, i) => {
      if (!isKind(r, 'Exit')) return false;
      return records.some((x, j) => j < i && isKind(x, 'TaskStarted') && sameActor(x, r));
    });
    if (exit < 0) return false;
    const started = records.findLastIndex(
      (r, i) => i < exit && isKind(r, 'TaskStarted') && sameActor(r, records[exit]!),
    );
    moveBefore(records, exit, started);
    return true;
  }),
];
