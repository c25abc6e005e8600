/** Every shipped scenario and every trace recorded on a GPU, simulated and compared. */
import { readdirSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { compareTraces } from '../compare/compare.ts';
import { loadScenario } from '../moe/load-scenario.ts';
import { recordedHash, recordedScenario } from '../moe/recorded-scenario.ts';
import type { Scenario } from '../moe/scenario.ts';
import { scenarioHash } from '../moe/scenario-hash.ts';
import { worldLine } from '../report/world-line.ts';
import { traceExtension } from '../trace/store.ts';
import { judge } from './judge.ts';
import type { ScenarioOutcome } from './results-text.ts';
import { simulateScenario } from './simulation.ts';
import type { Terminal } from './terminal.ts';
import { openTrace } from './trace-file.ts';
import { libraryFolder, type RecordedTrace, traceFiles } from './trace-library.ts';

/** GPU traces of the library by the hash of their scenario. */
async function recordedTraces(root: string): Promise<Map<string, RecordedTrace>> {
  const recorded = new Map<string, RecordedTrace>();
  for (const file of await traceFiles(libraryFolder(root))) {
    const trace = await openTrace(file);
    const hash = recordedHash(trace.header);
    if (trace.header.source !== 'gpu' || recorded.has(hash)) continue;
    recorded.set(hash, { file: relative(root, file), trace });
  }
  return recorded;
}

async function outcomeOf(
  scenario: Scenario,
  name: string,
  measured: RecordedTrace | undefined,
  terminal: Terminal,
): Promise<ScenarioOutcome> {
  const trace = await simulateScenario(scenario, terminal);
  return {
    name,
    world: worldLine(scenario),
    simulated: judge(trace),
    measured: measured === undefined ? null : judge(measured.trace),
    from: measured?.file ?? null,
    comparison: measured === undefined ? null : compareTraces(trace, measured.trace),
  };
}

/** The scenarios of the folder `scenarios` of `root` by name, then the traces that were recorded with other settings. */
export async function twinOutcomes(root: string, terminal: Terminal): Promise<ScenarioOutcome[]> {
  const recorded = await recordedTraces(root);
  const outcomes: ScenarioOutcome[] = [];
  const folder = join(root, 'scenarios');
  for (const name of readdirSync(folder).sort()) {
    if (!name.endsWith('.yaml')) continue;
    const scenario = loadScenario(join(folder, name));
    const hash = scenarioHash(scenario);
    outcomes.push(await outcomeOf(scenario, scenario.name, recorded.get(hash), terminal));
    recorded.delete(hash);
  }
  // What is left was recorded with other settings than a shipped scenario's.
  for (const { file, trace } of recorded.values()) {
    const name = basename(file, traceExtension);
    const scenario = recordedScenario(trace.header);
    outcomes.push(await outcomeOf(scenario, name, { file, trace }, terminal));
  }
  return outcomes;
}
