import { EventKind } from '../../trace/generated/events.ts';
import type { Monitor } from '../monitor.ts';

/**
 * Replays the scheduler's ready queue: a processor joins it once (`ProcessorReady`), leaves it by one commit, and is never
 * in it twice; so ready, rung and busy processors are a partition.
 */
export const s7ReadyQueue: Monitor = {
  id: 'S7',
  title: 'the ready queue holds distinct processors; ready, queued and busy are a partition',
  kinds: ['TaskCommitted', 'ProcessorReady'],
  needs: 'all events',
  run(context, findings) {
    const { index, events, header } = context;
    const queued = header.ranks.map((_, rank) => new Int32Array(context.processors(rank)).fill(-1));
    let launch = -1;
    for (let row = 0; row < events.kind.length; row++) {
      if (events.launch[row] !== launch) {
        launch = events.launch[row]!;
        for (const rank of queued) rank.fill(-1);
      }
      const kind = events.kind[row]!;
      if (kind !== EventKind.ProcessorReady && kind !== EventKind.TaskCommitted) continue;
      const rank = queued[events.rank[row]!]!;
      const processor = events.aux[row]!;
      if (index.lanes[index.laneOf[row]!]!.role !== 'scheduler') {
        findings.at(row, 'the ready queue was used by an actor that is not the scheduler');
      }
      if (processor >= rank.length) {
        findings.at(row, `processor ${processor} of ${rank.length}`);
      } else if (kind === EventKind.ProcessorReady) {
        const before = rank[processor]!;
        if (before >= 0) {
          findings.at(row, `processor ${processor} joined the ready queue twice`, before);
        }
        rank[processor] = row;
      } else {
        if (rank[processor]! < 0) {
          findings.at(row, `committed to processor ${processor}, which is not in the ready queue`);
        }
        rank[processor] = -1;
      }
    }
    return undefined;
  },
};
