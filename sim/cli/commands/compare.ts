import type { Command } from 'commander';
import { compareTraces } from '../../compare/compare.ts';
import { writeAtomically } from '../../report/atomic-write.ts';
import { describedCommand, printJson, type Settle } from '../command.ts';
import { comparisonText } from '../comparison-text.ts';
import { judge } from '../judge.ts';
import { exitCodes } from '../outcome.ts';
import { reportContent } from '../report-content.ts';
import type { Terminal } from '../terminal.ts';
import { openTrace } from '../trace-file.ts';

interface Options {
  readonly json?: boolean;
  readonly timeline?: string;
}

/** `kerneltwin compare`: the errors of the simulator against a trace of the GPU. */
export function compareCommand(terminal: Terminal, settle: Settle): Command {
  return describedCommand({
    name: 'compare',
    summary: 'compare a simulated with a measured trace of the same scenario',
    details: 'Exit 0: the same tasks ran on both, each once. 1: they did not. 2: unusable input.',
    example: 'compare runs/one-h200/simulated.ktrace.parquet runs/one-h200/measured.ktrace.parquet',
  })
    .argument('<sim>', 'simulated trace')
    .argument('<gpu>', 'measured trace')
    .option('--timeline <file.svg>', 'also draw both halves, aligned on their first event')
    .option('--json', 'print the comparison as JSON')
    .action(async (sim: string, gpu: string, options: Options) => {
      const simulated = judge(await openTrace(sim));
      const measured = judge(await openTrace(gpu));
      const comparison = compareTraces(simulated.half.trace, measured.half.trace);
      if (options.timeline !== undefined) {
        const { buildReport } = await import('../../report/build-report.ts');
        const content = reportContent(simulated, measured, comparison, '');
        await writeAtomically(options.timeline, buildReport(content)['timeline.svg']);
      }
      if (options.json) printJson(terminal, comparison);
      else terminal.out(comparisonText(comparison));
      settle(comparison.taskSets.matched ? exitCodes.clean : exitCodes.violations);
    });
}
