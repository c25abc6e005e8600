import type { PolicyDefinition } from './policy.ts';
import { PrivateQueues } from './private-queues.ts';

/** The task's index alone says who runs it, as in a kernel without a scheduler: block = task mod processors. */
export const staticDecode: PolicyDefinition = {
  name: 'static',
  summary: 'the processor of a task is its index modulo the number of processors',
  options: {},
  create: (context) => new PrivateQueues(context, (task) => task % context.processors),
};
