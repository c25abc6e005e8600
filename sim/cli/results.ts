// Writes docs/results/twin.md from every scenario in scenarios/ and the traces recorded on GPUs, and kernel.md from what was
// measured of the kernel (kernel-*.json there): `npm run results`. With --check it only compares, and fails when a file is not
// what the code, traces and measurements of today give.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { compareTraces } from '../compare/compare.ts';
import { loadScenario } from '../moe/load-scenario.ts';
import type { Scenario } from '../moe/scenario.ts';
import { scenarioHash } from '../moe/scenario-hash.ts';
import { writeAtomically } from '../report/atomic-write.ts';
import { worldLine } from '../report/world-line.ts';
import { traceExtension } from '../trace/store.ts';
import { judge } from './judge.ts';
import { readKernelData } from './kernel-data.ts';
import { kernelPage } from './kernel-page.ts';
import { exitCodes } from './outcome.ts';
import { packageRoot } from './package-info.ts';
import { resultsText, type ScenarioOutcome } from './results-text.ts';
import { simulateScenario } from './simulation.ts';
import { processTerminal } from './terminal.ts';
import { openTrace } from './trace-file.ts';
import { libraryFolder, type RecordedTrace, traceFiles } from './trace-library.ts';

const terminal = processTerminal();
const root = packageRoot();

/** GPU traces of the library by the hash of their scenario. */
const recorded = new Map<string, RecordedTrace>();
for (const file of await traceFiles(libraryFolder(root))) {
  const trace = await openTrace(file);
  if (trace.header.source !== 'gpu' || recorded.has(trace.header.scenarioHash)) continue;
  recorded.set(trace.header.scenarioHash, { file: relative(root, file), trace });
}

async function outcomeOf(
  scenario: Scenario,
  name: string,
  measured: RecordedTrace | undefined,
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

const outcomes: ScenarioOutcome[] = [];
const folder = join(root, 'scenarios');
for (const name of readdirSync(folder).sort()) {
  if (!name.endsWith('.yaml')) continue;
  const scenario = loadScenario(join(folder, name));
  const hash = scenarioHash(scenario);
  outcomes.push(await outcomeOf(scenario, scenario.name, recorded.get(hash)));
  recorded.delete(hash);
}
// What is left was recorded with other settings than a shipped scenario's.
for (const { file, trace } of recorded.values()) {
  const name = basename(file, traceExtension);
  const scenario = trace.header.scenario as Scenario;
  outcomes.push(await outcomeOf(scenario, name, { file, trace }));
}

/** Writes or compares one page. */
async function page(file: string, text: string, made: string): Promise<void> {
  const target = join(root, 'docs', 'results', file);
  const name = relative(root, target);
  if (!process.argv.includes('--check')) {
    await writeAtomically(target, text);
    terminal.out(`${name}: ${made}\n`);
  } else if (existsSync(target) && readFileSync(target, 'utf8') === text) {
    terminal.out(`${name} is what today's code and data give\n`);
  } else {
    terminal.err(`${name} is not what today's code and data give: run npm run results\n`);
    process.exitCode = exitCodes.violations;
  }
}

await page('twin.md', resultsText(outcomes), `${outcomes.length} scenarios`);
const kernel = readKernelData(join(root, 'docs', 'results'));
if (kernel === null) terminal.out('docs/results/kernel.md: no kernel-bench.json, left as it is\n');
else await page('kernel.md', kernelPage(kernel), `${kernel.benches.length} benchmarks`);
