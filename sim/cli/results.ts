// Writes docs/results/twin.md from every scenario in scenarios/ and the traces recorded on GPUs: `npm run results`.
// With --check it only compares, and fails when the file is not what the code and traces of today give.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { compareTraces } from '../compare/compare.ts';
import { loadScenario } from '../moe/load-scenario.ts';
import { writeAtomically } from '../report/atomic-write.ts';
import { worldLine } from '../report/world-line.ts';
import { judge } from './judge.ts';
import { measuredHalf } from './measured-half.ts';
import { exitCodes } from './outcome.ts';
import { packageRoot } from './package-info.ts';
import { resultsText, type ScenarioOutcome } from './results-text.ts';
import { simulateScenario } from './simulation.ts';
import { processTerminal, type Terminal } from './terminal.ts';

async function outcomeOf(file: string, terminal: Terminal): Promise<ScenarioOutcome> {
  const scenario = loadScenario(file);
  const trace = await simulateScenario(scenario, terminal);
  const { measured } = await measuredHalf(scenario, {}, terminal);
  return {
    name: scenario.name,
    world: worldLine(scenario),
    simulated: judge(trace),
    measured: measured && judge(measured.trace),
    from: measured?.from ?? null,
    comparison: measured && compareTraces(trace, measured.trace),
  };
}

const terminal = processTerminal();
const root = packageRoot();
const folder = join(root, 'scenarios');
const outcomes: ScenarioOutcome[] = [];
for (const name of readdirSync(folder).sort()) {
  if (name.endsWith('.yaml')) outcomes.push(await outcomeOf(join(folder, name), terminal));
}
const target = join(root, 'docs', 'results', 'twin.md');
const text = resultsText(outcomes);
const name = relative(root, target);
if (!process.argv.includes('--check')) {
  await writeAtomically(target, text);
  terminal.out(`${name}: ${outcomes.length} scenarios\n`);
} else if (existsSync(target) && readFileSync(target, 'utf8') === text) {
  terminal.out(`${name} is what today's code and traces give\n`);
} else {
  terminal.err(`${name} is not what today's code and traces give: run npm run results\n`);
  process.exitCode = exitCodes.violations;
}
