// Simulates the scenarios it is sent, one after the other, and answers each with what its trace shows.
import { createHash } from 'node:crypto';
import { parentPort } from 'node:worker_threads';
import { traceMetrics } from '../compare/metrics.ts';
import type { Scenario } from '../moe/scenario.ts';
import { simulate } from '../systems/fused/simulate.ts';
import { encodeTrace } from '../trace/store.ts';
import type { SeedAnswer, SeedRun } from './seed-runs.ts';

function runOf(scenario: Scenario): SeedRun {
  const { trace } = simulate(scenario);
  const { makespanNs, utilisation, workConservationLossNs } = traceMetrics(trace);
  return {
    seed: scenario.seed,
    makespanNs: makespanNs.median,
    utilisation,
    workConservationLossNs,
    records: trace.events.time.length,
    traceSha256: createHash('sha256').update(encodeTrace(trace)).digest('hex'),
  };
}

function answerTo(scenario: Scenario): SeedAnswer {
  try {
    return { run: runOf(scenario) };
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    return { error: { name, message } };
  }
}

parentPort?.on('message', (scenario: Scenario) => {
  parentPort?.postMessage(answerTo(scenario), []);
});
