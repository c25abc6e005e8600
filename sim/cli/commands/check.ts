import type { Command } from 'commander';
import { checkTrace } from '../../check/check-trace.ts';
import { checkText } from '../check-text.ts';
import { describedCommand, printJson, type Settle } from '../command.ts';
import { exitCodes } from '../outcome.ts';
import type { Terminal } from '../terminal.ts';
import { openTrace } from '../trace-file.ts';

/** `kerneltwin check`: judges one trace of either half. */
export function checkCommand(terminal: Terminal, settle: Settle): Command {
  return describedCommand({
    name: 'check',
    summary: 'judge a trace against every invariant that a trace can decide',
    details:
      'Exit 0: clean. 1: violations, each with its invariant, time and actors. 2: unusable input.',
    example: 'check runs/one-h200/simulated.ktrace.parquet',
  })
    .argument('<trace>', 'trace file of the simulator or of a GPU')
    .option('--json', 'print the whole check report as JSON')
    .action(async (file: string, options: { json?: boolean }) => {
      const trace = await openTrace(file);
      const report = checkTrace(trace);
      if (options.json) printJson(terminal, report);
      else terminal.out(checkText(file, report));
      settle(report.clean ? exitCodes.clean : exitCodes.violations);
    });
}
