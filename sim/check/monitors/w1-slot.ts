import { judgeGaps } from '../judge-gaps.ts';
import type { Monitor } from '../monitor.ts';
import { isGreedy } from '../policies.ts';
import { slotPairing } from '../work-conservation.ts';

/** WC-slot(d): a visible uncommitted task and an empty doorbell slot wait for one another at most d without a commit. */
export const w1Slot: Monitor = {
  id: 'W1',
  title: 'WC-slot(d): no task waits beside an empty doorbell slot for longer than d',
  kinds: ['TasksReady', 'TaskCommitted', 'TaskConsumed', 'TaskStarted', 'Bound', 'Sweep'],
  needs: 'all events',
  run(context, findings) {
    const { policy } = context.header;
    const judgement = judgeGaps(context, findings, slotPairing, 'slotNs', 'empty doorbell slots');
    if (isGreedy(policy)) return judgement;
    return { ...judgement, notPromised: `policy ${policy} is not greedy` };
  },
};
