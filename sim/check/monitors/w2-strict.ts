import { judgeGaps } from '../judge-gaps.ts';
import type { Monitor } from '../monitor.ts';
import { isGreedy } from '../policies.ts';
import { strictPairing } from '../work-conservation.ts';

/** WC-strict(d): as W1 with idle processors and unstarted tasks, those in mailboxes too. Eager readiness has no claim to it. */
export const w2Strict: Monitor = {
  id: 'W2',
  title: 'WC-strict(d): no unstarted task waits beside an idle processor for longer than d',
  kinds: ['TasksReady', 'TaskCommitted', 'TaskConsumed', 'TaskStarted', 'Bound', 'Sweep'],
  needs: 'all events',
  run(context, findings) {
    const { policy, readiness } = context.header;
    const judgement = judgeGaps(context, findings, strictPairing, 'strictNs', 'idle processors');
    if (readiness === 'eager') {
      const why = 'eager readiness commits tasks to busy processors while others idle';
      return { ...judgement, notPromised: why };
    }
    if (isGreedy(policy)) return judgement;
    return { ...judgement, notPromised: `policy ${policy} is not greedy` };
  },
};
