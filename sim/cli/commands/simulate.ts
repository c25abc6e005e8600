import type { Command } from 'commander';
import { traceMetrics } from '../../compare/metrics.ts';
import { writeAtomically } from '../../report/atomic-write.ts';
import { worldLine } from '../../report/world-line.ts';
import { encodeTrace } from '../../trace/store.ts';
import { describedCommand, printJson } from '../command.ts';
import { metricsText } from '../comparison-text.ts';
import { Interrupted } from '../outcome.ts';
import { openScenario, type ScenarioOptions, withScenario } from '../scenario-options.ts';
import { simulateScenario } from '../simulation.ts';
import type { Terminal } from '../terminal.ts';

interface Options extends ScenarioOptions {
  readonly trace?: string;
  readonly json?: boolean;
}

/** `kerneltwin simulate`: one run of the simulator. */
export function simulateCommand(terminal: Terminal): Command {
  const command = describedCommand({
    name: 'simulate',
    summary: 'simulate a scenario and print what its trace shows',
    details: 'The same seed gives the same trace, byte for byte.',
    example: 'simulate scenarios/one-h200.yaml --set model.tokens=4096 --trace run.ktrace.parquet',
  });
  return withScenario(command)
    .option('--trace <file>', 'write the trace')
    .option('--json', 'print the figures as JSON')
    .action(async (file: string, options: Options) => {
      const scenario = openScenario(file, options);
      const trace = await simulateScenario(scenario, terminal);
      if (options.trace !== undefined) await writeAtomically(options.trace, encodeTrace(trace));
      const metrics = traceMetrics(trace);
      const { scenarioHash, seed, launches } = trace.header;
      if (options.json) {
        const written = options.trace ?? null;
        printJson(terminal, {
          scenario: scenario.name,
          scenarioHash,
          seed,
          launches,
          metrics,
          trace: written,
        });
      } else {
        terminal.out(`${scenario.name}: ${worldLine(scenario)}\n\n`);
        terminal.out(metricsText(metrics, 'simulated'));
        if (options.trace !== undefined) terminal.out(`trace ${options.trace}\n`);
      }
      if (launches < scenario.launches) {
        throw new Interrupted(`interrupted after ${launches} of ${scenario.launches} launches`);
      }
    });
}
