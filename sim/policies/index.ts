/** Scheduling policies: the interface, the ones that come with the project, and how a scenario finds them. */
export { fifo } from './fifo.ts';
export { gemm1First } from './gemm1-first.ts';
export { interleave } from './interleave.ts';
export { lag } from './lag.ts';
export type * from './policy.ts';
export { policies, policyOf } from './registry.ts';
export { roundRobin } from './round-robin.ts';
export { staticDecode } from './static.ts';
