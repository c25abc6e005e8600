import type { PolicyDefinition } from './policy.ts';
import { PrivateQueues } from './private-queues.ts';

/** Deals ready tasks out to private queues, one processor after the other, whatever they are busy with. */
export const roundRobin: PolicyDefinition = {
  name: 'round-robin',
  summary: 'tasks are dealt out in turn to a private queue of each processor',
  options: {},
  create: (context) => {
    let next = 0;
    return new PrivateQueues(context, () => {
      const processor = next;
      next = (next + 1) % context.processors;
      return processor;
    });
  },
};
