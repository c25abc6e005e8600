// Writes docs/results/twin.md from every scenario in scenarios/ and the traces recorded on GPUs, calibration.md from the traces
// that the H200's profile is fitted to and others, and kernel.md from what was measured of the kernel (kernel-*.json there):
// `npm run results`. With --check it only compares, and fails when a file is not what the code, traces and measurements of
// today give. --only NAME takes one of them.
import { existsSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseArgs } from 'node:util';
import { writeAtomically } from '../report/atomic-write.ts';
import { calibrationPage } from './calibration-page.ts';
import { readKernelData } from './kernel-data.ts';
import { kernelPage } from './kernel-page.ts';
import { exitCodes } from './outcome.ts';
import { packageRoot } from './package-info.ts';
import { resultsText } from './results-text.ts';
import { processTerminal } from './terminal.ts';
import { twinOutcomes } from './twin-outcomes.ts';

const { values } = parseArgs({
  options: { check: { type: 'boolean', default: false }, only: { type: 'string' } },
});
const terminal = processTerminal();
const root = packageRoot();

/** Writes or compares one page. */
async function page(file: string, text: string, made: string): Promise<void> {
  const target = join(root, 'docs', 'results', file);
  const name = relative(root, target);
  if (!values.check) {
    await writeAtomically(target, text);
    terminal.out(`${name}: ${made}\n`);
  } else if (existsSync(target) && readFileSync(target, 'utf8') === text) {
    terminal.out(`${name} is what today's code and data give\n`);
  } else {
    terminal.err(`${name} is not what today's code and data give: run npm run results\n`);
    process.exitCode = exitCodes.violations;
  }
}

const pages: Readonly<Record<string, () => Promise<void>>> = {
  kernel: async () => {
    const data = readKernelData(join(root, 'docs', 'results'));
    if (data === null) {
      terminal.out('docs/results/kernel.md: no kernel-bench.json, left as it is\n');
      return;
    }
    await page('kernel.md', kernelPage(data), `${data.benches.length} benchmarks`);
  },
  calibration: async () => {
    const text = await calibrationPage(root, 'h200');
    await page('calibration.md', text, 'profile h200 against its traces');
  },
  twin: async () => {
    const outcomes = await twinOutcomes(root, terminal);
    await page('twin.md', resultsText(outcomes), `${outcomes.length} scenarios`);
  },
};
for (const name of values.only === undefined ? Object.keys(pages) : [values.only]) {
  const make = pages[name];
  if (make === undefined) {
    throw new Error(`--only: expected one of ${Object.keys(pages).join(', ')}, got ${name}`);
  }
  await make();
}
