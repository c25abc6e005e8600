import { createHash } from 'node:crypto';
import { simulate } from '../../sim/systems/fused/simulate.ts';
import { encodeTrace } from '../../sim/trace/store.ts';
import { goldenScenario } from './worlds.ts';

/**
 * SHA-256 of the bytes of the trace file of a golden seed. The hash of the producing code is left out of the header:
 * a change that keeps the behaviour keeps the golden traces.
 */
export function goldenHash(seed: number): string {
  const { trace } = simulate(goldenScenario(seed));
  const producer = { ...trace.header.producer, hash: '' };
  const bytes = encodeTrace({ ...trace, header: { ...trace.header, producer } });
  return createHash('sha256').update(bytes).digest('hex');
}
