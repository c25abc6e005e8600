import { judgeGaps } from '../judge-gaps.ts';
import type { Monitor } from '../monitor.ts';
import { isGreedy } from '../policies.ts';
import { slotPairing, workConservationLoss } from '../work-conservation.ts';

/** WC-slot(d): a visible uncommitted task and an empty doorbell slot wait for one another at most d without a commit. */
export const w1Slot: Monitor = {
  id: 'W1',
  title: 'WC-slot(d): no task waits beside an empty doorbell slot for longer than d',
  kinds: ['TasksReady', 'TaskCommitted', 'TaskConsumed', 'TaskStarted', 'Bound', 'Sweep'],
  needs: 'all events',
  run(context, findings) {
    const { policy } = context.header;
    const gaps = judgeGaps(context, findings, slotPairing, 'slotNs', 'empty doorbell slots');
    let loss = 0;
    for (const launch of context.launches) {
      for (const ns of workConservationLoss(context, launch)) loss += ns;
    }
    const note = `${gaps.note}, work conservation loss ${loss} processor ns`;
    const judgement = { ...gaps, note };
    if (isGreedy(policy)) return judgement;
    return { ...judgement, notPromised: `policy ${policy} is not greedy` };
  },
};
