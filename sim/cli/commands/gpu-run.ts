import { type Command, Option } from 'commander';
import { type GemmPath, gemmPaths } from '../../gpu/world-options.ts';
import { writeAtomically } from '../../report/atomic-write.ts';
import { worldLine } from '../../report/world-line.ts';
import { encodeTrace } from '../../trace/store.ts';
import { checkText } from '../check-text.ts';
import { describedCommand, printJson, type Settle } from '../command.ts';
import { metricsText } from '../comparison-text.ts';
import { judge } from '../judge.ts';
import { liveTrace } from '../measured-half.ts';
import { exitCodes } from '../outcome.ts';
import { openScenario, type ScenarioOptions, withScenario } from '../scenario-options.ts';
import type { Terminal } from '../terminal.ts';

interface Options extends ScenarioOptions {
  readonly ranks?: string;
  readonly library?: string;
  readonly gemm?: GemmPath;
  readonly shareGpu?: boolean;
  readonly trace?: string;
  readonly check?: boolean;
  readonly json?: boolean;
}

/** `kerneltwin gpu run`: one run of the kernel; its output is compared with fp64 in any case. */
export function gpuRunCommand(terminal: Terminal, settle: Settle): Command {
  const command = describedCommand({
    name: 'run',
    summary: 'run a scenario on the GPUs of this machine',
    details: 'One process a rank; every output is compared with an fp64 reference.',
    example:
      'gpu run scenarios/one-h200.yaml --ranks 2 --share-gpu --trace two.ktrace.parquet --check',
  });
  return withScenario(command)
    .option('--ranks <number>', 'ranks instead of the scenario\u2019s')
    .option('--share-gpu', 'all ranks on one GPU, under a private MPS daemon')
    .option('--library <file>', 'kernel library instead of build/kernel')
    .addOption(
      new Option(
        '--gemm <path>',
        'how the kernel multiplies instead of the scenario\u2019s',
      ).choices(gemmPaths),
    )
    .option('--trace <file>', 'write the trace')
    .option('--check', 'judge the trace; exit 1 on violations')
    .option('--json', 'print the figures, and the check report, as JSON')
    .action(async (file: string, options: Options) => {
      const scenario = openScenario(file, { ...options, set: worldOverrides(options) });
      const { trace } = await liveTrace(scenario, terminal, {
        library: options.library,
      });
      if (options.trace !== undefined) await writeAtomically(options.trace, encodeTrace(trace));
      const { half, check } = judge(trace);
      if (options.json) {
        const { scenarioHash, launchMs, machine } = trace.header;
        const judged = options.check ? { check } : {};
        printJson(terminal, { scenarioHash, machine, launchMs, metrics: half.metrics, ...judged });
      } else {
        terminal.out(`${scenario.name}: ${worldLine(scenario)}\n\n`);
        terminal.out(metricsText(half.metrics, 'measured'));
        if (options.check) terminal.out(`\n${checkText(options.trace ?? scenario.name, check)}`);
      }
      settle(options.check && !check.clean ? exitCodes.violations : exitCodes.clean);
    });
}

function worldOverrides({ set, ranks, shareGpu, gemm }: Options): readonly string[] {
  return [
    ...(set ?? []),
    ...(ranks === undefined ? [] : [`world.ranks=${ranks}`]),
    ...(shareGpu ? ['world.gpus=1'] : []),
    ...(gemm === undefined ? [] : [`world.gemm=${gemm}`]),
  ];
}
