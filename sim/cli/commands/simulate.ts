import type { Command } from 'commander';
import { traceMetrics } from '../../compare/metrics.ts';
import type { Scenario } from '../../moe/scenario.ts';
import { scenarioHash } from '../../moe/scenario-hash.ts';
import { writeAtomically } from '../../report/atomic-write.ts';
import { worldLine } from '../../report/world-line.ts';
import { encodeTrace } from '../../trace/store.ts';
import { type CommandMaker, describedCommand, printJson } from '../command.ts';
import { metricsText } from '../comparison-text.ts';
import { exitCodes, InputError, Interrupted } from '../outcome.ts';
import { openScenario, type ScenarioOptions, withScenario } from '../scenario-options.ts';
import { runSeeds, seedRunsText } from '../seed-runs.ts';
import { simulateScenario, simulateUntracedScenario } from '../simulation.ts';
import type { Terminal } from '../terminal.ts';
import { untracedText } from '../untraced-text.ts';

interface Options extends ScenarioOptions {
  /** A file; false: `--no-trace`. */
  readonly trace?: string | false;
  readonly seeds?: string;
  readonly workers?: string;
  readonly json?: boolean;
}

const details = `The same seed gives the same trace, byte for byte.
With --no-trace nothing is kept of the run: it is measured, and checked as far as that goes, while it happens. For worlds
whose traces would not fit into memory: a trace takes 60 bytes a record, a thousand ranks make hundreds of millions.
With --seeds the scenario runs once for each of N seeds from its own on, in --workers threads. What is printed does not
depend on their number.`;

/** `kerneltwin simulate`: one run of the simulator, or one for each of several seeds. */
export const simulateCommand: CommandMaker = (terminal, settle): Command => {
  const command = describedCommand({
    name: 'simulate',
    summary: 'simulate a scenario and print what its trace shows',
    details,
    example: 'simulate scenarios/one-h200.yaml --set model.tokens=4096 --trace run.ktrace.parquet',
  });
  return withScenario(command)
    .option('--trace <file>', 'write the trace')
    .option('--no-trace', 'keep no trace: measure and check the run while it happens')
    .option('--seeds <number>', 'run this many seeds and print the hash of each trace')
    .option('--workers <number>', 'threads for --seeds (1)')
    .option('--json', 'print the figures as JSON')
    .action(async (file: string, options: Options) => {
      if (options.seeds !== undefined) {
        await simulateSeeds(file, options, terminal);
        return;
      }
      if (options.workers !== undefined) throw new InputError('--workers: expected --seeds too');
      const scenario = openScenario(file, options);
      if (options.trace === false) {
        const held = await simulateUntraced(scenario, options, terminal);
        settle(held ? exitCodes.clean : exitCodes.violations);
      } else {
        await simulateTraced(scenario, options, terminal);
      }
    });
};

async function simulateTraced(
  scenario: Scenario,
  options: Options,
  terminal: Terminal,
): Promise<void> {
  const file = options.trace === false ? undefined : options.trace;
  const trace = await simulateScenario(scenario, terminal);
  if (file !== undefined) await writeAtomically(file, encodeTrace(trace));
  const metrics = traceMetrics(trace);
  const { scenarioHash, seed, launches } = trace.header;
  if (options.json) {
    const written = file ?? null;
    const { name } = scenario;
    printJson(terminal, { scenario: name, scenarioHash, seed, launches, metrics, trace: written });
  } else {
    terminal.out(`${scenario.name}: ${worldLine(scenario)}\n\n`);
    terminal.out(metricsText(metrics, 'simulated'));
    if (file !== undefined) terminal.out(`trace ${file}\n`);
  }
  if (launches < scenario.launches) {
    throw new Interrupted(`interrupted after ${launches} of ${scenario.launches} launches`);
  }
}

/** True when no invariant was seen broken. */
async function simulateUntraced(
  scenario: Scenario,
  options: Options,
  terminal: Terminal,
): Promise<boolean> {
  const summary = await simulateUntracedScenario(scenario, terminal);
  if (options.json) {
    const { name, seed } = scenario;
    printJson(terminal, { scenario: name, scenarioHash: scenarioHash(scenario), seed, summary });
  } else {
    terminal.out(`${scenario.name}: ${worldLine(scenario)}\n\n${untracedText(summary)}`);
  }
  if (summary.aborted) {
    throw new Interrupted(
      `interrupted after ${summary.tasks} of ${summary.tasksInAll} tasks; the figures are of the part that was simulated`,
    );
  }
  return summary.violationCount === 0;
}

async function simulateSeeds(file: string, options: Options, terminal: Terminal): Promise<void> {
  if (typeof options.trace === 'string') {
    throw new InputError('--trace: expected one seed; --seeds prints the hash of each trace');
  }
  const seeds = countOf('--seeds', options.seeds);
  const workers = countOf('--workers', options.workers ?? '1');
  const first = openScenario(file, options);
  const scenarios = Array.from({ length: seeds }, (_, n) =>
    openScenario(file, { ...options, seed: String(first.seed + n) }),
  );
  const runs = await runSeeds(scenarios, workers, terminal);
  if (options.json) {
    printJson(terminal, { scenario: first.name, runs });
  } else {
    terminal.out(`${first.name}: ${worldLine(first)}\n\n${seedRunsText(runs)}`);
  }
  if (runs.length < seeds) {
    throw new Interrupted(`interrupted after ${runs.length} of ${seeds} seeds`);
  }
}

function countOf(option: string, text: string | undefined): number {
  const count = Number(text);
  if (Number.isSafeInteger(count) && count >= 1) return count;
  throw new InputError(`${option}: expected an integer of at least 1, got '${text}'`);
}
