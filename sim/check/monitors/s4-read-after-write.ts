import { decodeTask, dispatchFlag, gemm0Tasks } from '../../moe/layout.ts';
import { signalRows } from '../../trace/analysis/fields.ts';
import type { CheckContext } from '../context.ts';
import { pairKey } from '../facts.ts';
import type { Findings } from '../findings.ts';
import type { Monitor } from '../monitor.ts';
import { eventName } from '../order.ts';
import { taskLabel } from '../task-label.ts';

/**
 * Every read has its write before it: no reads-from edge lacks a write, edges and program order make no cycle, no clock
 * refutes an edge, and GEMM0 tasks are published after the signal of the cell they read.
 */
export const s4ReadAfterWrite: Monitor = {
  id: 'S4',
  title: "no read before arrival: each read happens after the epoch's last write to it",
  kinds: ['SignalSent', 'SignalObserved', 'TasksReady', 'TaskCommitted', 'TaskConsumed'],
  needs: 'all events',
  run(context, findings) {
    judgeOrder(context, findings);
    const { index, events, shape } = context;
    for (const row of index.rowsOf('TasksReady')) {
      if (events.a[row]! < gemm0Tasks(shape)) judgeGemm0(context, findings, row);
    }
    return { note: `${context.order.edges} edges between events` };
  },
};

function judgeOrder(context: CheckContext, findings: Findings): void {
  const { cycle, refuted, unmatched } = context.order;
  if (cycle) {
    const steps = cycle.rows.map((row, i) => `${eventName(context, row)} -${cycle.kinds[i]}->`);
    const shown = steps.length > 8 ? [...steps.slice(0, 8), '...'] : steps;
    const kinds = [...new Set(cycle.kinds)].join(', ');
    const [first, ...others] = cycle.rows;
    findings.at(first!, `events in a cycle (edges: ${kinds}): ${shown.join(' ')}`, ...others);
  }
  for (const { row, kind, message } of unmatched) {
    if (kind !== 'status') findings.at(row, `${kind}: ${message}`);
  }
  for (const { from, to, kind, byNs } of refuted) {
    const what = `${eventName(context, to)} reads ${eventName(context, from)}`;
    findings.at(to, `${kind}: ${what}, ${byNs} ns later`, from);
  }
}

/** The subscriber took the cell's signal, with rows, before it published tasks that read the cell. */
function judgeGemm0(context: CheckContext, findings: Findings, row: number): void {
  const { events, shape, matches, index } = context;
  const { peer, expert } = decodeTask(shape, events.a[row]!);
  const key = pairKey(events.launch[row]!, events.rank[row]!);
  const observed = matches.observed.first(key, dispatchFlag(shape, peer, expert));
  const name = taskLabel(shape, events.a[row]!);
  if (observed < 0) {
    findings.at(row, `${name} ready, but its cell's signal was not observed`);
  } else if (index.laneOf[observed] !== index.laneOf[row] || observed > row) {
    findings.at(row, `${name} ready before its cell's signal was observed`, observed);
  } else if (signalRows(events.b[observed]!) === 0) {
    findings.at(row, `${name} ready, but its cell's signal was a no-op`, observed);
  }
}
