import { countBits, firstBits, sequenceBits } from '../../moe/generated/layout.ts';
import { flagCount, taskSpace } from '../../moe/layout.ts';
import { packetFields } from '../../moe/packet.ts';
import { readyCount, signalRows } from '../../trace/analysis/fields.ts';
import type { CheckContext } from '../context.ts';
import type { Findings } from '../findings.ts';
import { flagSlot, isDispatchFlag } from '../flags.ts';
import type { Monitor } from '../monitor.ts';

/** Everything this shape can produce fits its packed field, and no recorded value is the low bits of a larger one. */
export const l8FieldsFit: Monitor = {
  id: 'L8',
  title: 'every packed field fits its width',
  kinds: ['TasksReady', 'TaskCommitted', 'SignalSent'],
  needs: 'each event',
  run(context, findings) {
    for (const { field, value, limit } of packetFields(context.shape)) {
      if (value < limit) continue;
      findings.absence(context.header.firstLaunch, 0, `${field}: ${value}, limit ${limit}`);
    }
    judgeTasks(context, findings);
    for (const row of context.index.rowsOf('SignalSent')) judgeRows(context, findings, row);
    return undefined;
  },
};

function judgeTasks({ index, events, shape }: CheckContext, findings: Findings): void {
  const space = Math.min(taskSpace(shape), 2 ** firstBits);
  for (const row of index.rowsOf('TasksReady')) {
    const count = readyCount(events.b[row]!);
    if (events.a[row]! + count <= space && count < 2 ** countBits) continue;
    findings.at(row, `entry of ${count} tasks from ${events.a[row]} in a task space of ${space}`);
  }
  for (const row of index.rowsOf('TaskCommitted')) {
    if (events.a[row]! >= space) findings.at(row, `task ${events.a[row]}, task space ${space}`);
    if (events.b[row]! >= 2 ** sequenceBits) {
      findings.at(row, `doorbell sequence ${events.b[row]} has more than ${sequenceBits} bits`);
    }
  }
}

/** A count that is wrong by a multiple of 2^8 or more was cut to fewer bits on its way. */
function judgeRows(context: CheckContext, findings: Findings, row: number): void {
  const { events, shape, placement } = context;
  const flag = events.a[row]!;
  const to = events.aux[row]!;
  if (flag >= flagCount(shape) || to >= shape.ranks || !isDispatchFlag(shape, flag)) return;
  const slot = flagSlot(shape, flag);
  if (slot >= placement.localExperts(to)) return;
  const expert = placement.globalExpert(to, slot);
  const rows = context.kept(events.launch[row]!, events.rank[row]!, expert);
  const said = signalRows(events.b[row]!);
  if (said >= rows || (rows - said) % 256 !== 0) return;
  findings.at(row, `signal says ${said} rows: the low bits of ${rows}`);
}
