import type { Command } from 'commander';
import { compareTraces } from '../../compare/compare.ts';
import { describedCommand, printJson } from '../command.ts';
import { judge } from '../judge.ts';
import { reportContent } from '../report-content.ts';
import { openRun, writeReport } from '../run-folder.ts';
import type { Terminal } from '../terminal.ts';

/** `kerneltwin report`: draws the report of a run again. */
export function reportCommand(terminal: Terminal): Command {
  return describedCommand({
    name: 'report',
    summary: 'draw the report of a twin run again from its traces',
    details: 'One self-contained page, and its pictures as SVG.',
    example: 'report runs/one-h200',
  })
    .argument('<run-dir>', 'folder that twin wrote')
    .option('--json', 'print the files written as JSON')
    .action(async (folder: string, options: { json?: boolean }) => {
      const run = await openRun(folder);
      const simulated = judge(run.simulated);
      const measured = run.measured === null ? null : judge(run.measured);
      const comparison = run.measured && compareTraces(run.simulated, run.measured);
      const files = await writeReport(
        folder,
        reportContent(simulated, measured, comparison, run.missing),
      );
      if (options.json) printJson(terminal, { files });
      else terminal.out(`${files.join('\n')}\n`);
    });
}
