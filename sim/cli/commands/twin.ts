import { join } from 'node:path';
import type { Command } from 'commander';
import { compareTraces } from '../../compare/compare.ts';
import type { Scenario } from '../../moe/scenario.ts';
import { writeAtomically } from '../../report/atomic-write.ts';
import type { Trace } from '../../trace/trace.ts';
import { describedCommand, printJson, type Settle } from '../command.ts';
import { judge } from '../judge.ts';
import { measuredHalf } from '../measured-half.ts';
import { Interrupted } from '../outcome.ts';
import { startProgress } from '../progress.ts';
import { reportContent } from '../report-content.ts';
import { type Measured, writeReport, writeRun } from '../run-folder.ts';
import { openScenario, type ScenarioOptions, withScenario } from '../scenario-options.ts';
import { simulateScenario } from '../simulation.ts';
import type { Terminal } from '../terminal.ts';
import { exitCodeOf, type TwinResult, twinJson } from '../twin-result.ts';
import { twinText } from '../twin-text.ts';

interface Options extends ScenarioOptions {
  readonly trace?: string;
  readonly live?: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

/** `kerneltwin twin`: the main job. */
export function twinCommand(terminal: Terminal, settle: Settle): Command {
  const command = describedCommand({
    name: 'twin',
    summary: 'simulate, check, compare with a GPU trace, write a report',
    details:
      'The GPU trace is the recorded one of the same scenario, or --trace FILE, or --live.\nExit 0: all that could be judged is clean. 1: violations, or the halves did different work.',
    example: 'twin scenarios/one-h200.yaml',
  });
  return withScenario(command)
    .option('--trace <file>', 'GPU trace to compare with instead of the recorded one')
    .option('--live', 'record on the GPUs of this machine instead')
    .option('--out <dir>', 'folder of the run; default: runs/<scenario name>')
    .option('--json', 'print everything found as JSON')
    .action(async (file: string, options: Options) => {
      const scenario = openScenario(file, options);
      const folder = options.out ?? join('runs', scenario.name);
      const trace = await simulateScenario(scenario, terminal);
      const { launches } = trace.header;
      if (launches < scenario.launches) {
        await writeRun(folder, trace, null, 'interrupted before the GPU half was looked for');
        throw new Interrupted(
          `interrupted after ${launches} of ${scenario.launches} launches: their trace is in ${folder}`,
        );
      }
      const half = await measuredHalf(scenario, options, terminal);
      const result = await judgeAndWrite(
        scenario,
        trace,
        half.measured,
        half.missing,
        folder,
        terminal,
      );
      if (options.json) printJson(terminal, twinJson(result));
      else terminal.out(twinText(result));
      settle(exitCodeOf(result));
    });
}

async function judgeAndWrite(
  scenario: Scenario,
  trace: Trace,
  measuredTrace: Measured | null,
  missing: string,
  folder: string,
  terminal: Terminal,
): Promise<TwinResult> {
  const progress = startProgress(terminal);
  try {
    progress.step('checking');
    await writeRun(folder, trace, measuredTrace, missing);
    const simulated = judge(trace);
    const measured = measuredTrace && judge(measuredTrace.trace);
    const comparison = measuredTrace && compareTraces(trace, measuredTrace.trace);
    progress.step('drawing');
    const written = await writeReport(
      folder,
      reportContent(simulated, measured, comparison, missing),
    );
    const measuredFrom = measuredTrace?.from ?? null;
    const found = { scenario, simulated, measured, measuredFrom, missing, comparison };
    const file = join(folder, 'comparison.json');
    const result: TwinResult = { ...found, files: [...written, file] };
    await writeAtomically(file, `${JSON.stringify(twinJson(result), null, 2)}\n`);
    return result;
  } finally {
    progress.done();
  }
}
