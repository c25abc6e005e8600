import { cpus, loadavg } from 'node:os';
import type { SuiteResult } from './suite.ts';

const heading = `# The explorer: measured

Written by \`npm run results:explorer\`. Rates are per second of processor time on one core, those of schedules the median of
five; how much was done is the suites' default (\`kerneltwin verify\`). What the suites judge: [verify](../guide/verify.md).
`;

const shown = (value: number): string =>
  value >= 1e12
    ? value.toExponential(2)
    : value.toLocaleString('en-US', { maximumFractionDigits: 1 });

/** The page docs/results/explorer.md. */
export function resultsPage(results: readonly SuiteResult[]): string {
  // Rates count processor time, yet a busy neighbour takes caches and memory from them.
  const load = (loadavg()[0] ?? 0).toFixed(1);
  const machine =
    `Machine: ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}; load in the last minute ` +
    `${load} of ${cpus().length} cores, one of them this program's.\n`;
  const tables = results.map(({ name, held, figures }) => {
    const rows = Object.entries(figures).map(
      ([figure, value]) => `| ${figure} | ${shown(value)} |`,
    );
    const unit = name === 'schedules' ? 'schedules a second' : 'figure';
    return `## ${name}: ${held ? 'held' : 'NOT held'}\n\n| what | ${unit} |\n|---|---|\n${rows.join('\n')}\n`;
  });
  return [heading, machine, ...tables].join('\n');
}
