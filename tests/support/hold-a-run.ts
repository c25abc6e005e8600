// A program that starts a run on the doubles and hangs in it, for tests that end it from outside. Argument: library.
import { runOnGpu } from '../../sim/gpu/run-on-gpu.ts';
import { runScenario } from './run-scenario.ts';

await runOnGpu(runScenario(), {
  library: process.argv[2],
  onProgress: (line) => process.stdout.write(`${line}\n`),
});
