import { shapeOf } from '../moe/layout.ts';
import type { Scenario } from '../moe/scenario.ts';
import { scenarioHash } from '../moe/scenario-hash.ts';
import { readTrace } from '../trace/store.ts';
import type { Trace } from '../trace/trace.ts';
import { InputError } from './outcome.ts';

/**
 * Reads a trace whose scenario this version understands and has not been altered: its hash is the one in the header.
 * @throws {TraceError | InputError} when the file cannot be used.
 */
export async function openTrace(file: string): Promise<Trace> {
  const trace = await readTrace(file);
  const { scenario, scenarioHash: stated } = trace.header;
  let hash: string;
  try {
    shapeOf(scenario as Scenario);
    hash = scenarioHash(scenario as Scenario);
  } catch (error) {
    const got = error instanceof Error ? error.message : String(error);
    throw new InputError(
      `${file}: header field scenario: expected a resolved scenario, got: ${got}`,
      {
        cause: error,
      },
    );
  }
  if (hash !== stated) {
    throw new InputError(
      `${file}: header field scenarioHash: expected ${hash}, the hash of the scenario in the file, got ${stated}`,
    );
  }
  return trace;
}
