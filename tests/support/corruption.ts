import type { InvariantId } from '../../sim/check/report.ts';
import { scenarioOf } from '../../sim/check/scenario-of.ts';
import { decodeTask, type Shape, shapeOf } from '../../sim/moe/layout.ts';
import type { Trace } from '../../sim/trace/trace.ts';
import { type EventRecord, edited, sameActor } from './edit-trace.ts';

/** A fault planted in a legal trace, and the invariant that must name it. */
export interface Corruption {
  readonly name: string;
  readonly breaks: InvariantId;
  /** The corrupted trace; undefined when this trace has no place for the fault. */
  apply(trace: Trace): Trace | undefined;
}

/** Changes the list in place; false when there is no place for the fault. */
export type Edit = (records: EventRecord[], shape: Shape, trace: Trace) => boolean;

export function corruption(name: string, breaks: InvariantId, edit: Edit): Corruption {
  return {
    name,
    breaks,
    apply(trace) {
      const shape = shapeOf(scenarioOf('corruption', trace.header));
      let planted = false;
      const corrupted = edited(trace, (records) => {
        planted = edit(records, shape, trace);
      });
      return planted ? corrupted : undefined;
    },
  };
}

export function isOp(shape: Shape, record: EventRecord, op: number): boolean {
  return decodeTask(shape, record.a).op === op;
}

/** Whether both records are about one task of one rank in one launch. */
export function sameTask(x: EventRecord, y: EventRecord): boolean {
  return x.launch === y.launch && x.rank === y.rank && x.a === y.a;
}

/** Kinds of the events by which a task is run. */
export const lifeOfTask = ['TaskCommitted', 'TaskConsumed', 'TaskStarted', 'TaskFinished'] as const;

export function remove(records: EventRecord[], drop: (record: EventRecord) => boolean): void {
  const kept = records.filter((record) => !drop(record));
  records.splice(0, records.length, ...kept);
}

/** The next record of the same actor in the same launch after `from` that fits; -1: none. */
export function following(
  records: readonly EventRecord[],
  from: number,
  fits: (record: EventRecord) => boolean,
): number {
  return records.findIndex((r, i) => i > from && sameActor(r, records[from]!) && fits(r));
}
