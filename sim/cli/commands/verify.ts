import type { Command } from 'commander';
import { describedCommand, printJson, type Settle } from '../command.ts';
import { exitCodes, InputError, Interrupted } from '../outcome.ts';
import { repeated } from '../scenario-options.ts';
import type { Terminal } from '../terminal.ts';
import { textTable } from '../text-table.ts';
import { protocolSuites, runMutant, runProtocolSuite } from '../verify-protocol.ts';
import { propertySuites, runSuites } from '../verify-suites.ts';
import type { SuiteOutcome } from '../vitest-report.ts';

interface Options {
  readonly suite?: readonly string[];
  readonly property?: string;
  readonly mutant?: string;
  readonly runs?: string;
  readonly seed?: string;
  readonly replay?: string;
  readonly list?: boolean;
  readonly json?: boolean;
}

/** `kerneltwin verify`: properties over generated worlds, and the protocol headers under the explorer. */
export function verifyCommand(terminal: Terminal, settle: Settle): Command {
  return describedCommand({
    name: 'verify',
    summary: 'run properties over generated worlds, and the protocol under the explorer',
    details:
      'Needs a clone of the repository. Without --suite: everything but the planted faults (mutants).\n' +
      'Exit 0: all held. 1: a counterexample was found; it is printed with what replays it.',
    example: 'verify --suite layout-tasks --runs 10000 --seed 7',
  })
    .option('--list', 'print the names of the suites and end')
    .option('--suite <name>', 'run this suite only; may be repeated', repeated)
    .option('--property <name>', 'run only properties whose full name contains this')
    .option('--runs <number>', 'runs of each property instead of its own number')
    .option('--seed <number>', 'seed instead of a new one each time')
    .option('--replay <seed:path>', 'run one recorded counterexample again, e.g. 42:17:0:1')
    .option(
      '--mutant <id>',
      'plant one fault in a copy of the headers and see which invariant names it',
    )
    .option('--json', 'print the outcome of each suite as JSON')
    .action(async (options: Options) => {
      if (options.mutant !== undefined) {
        const named = await runMutant(options.mutant, terminal);
        if (terminal.signal.aborted) throw new Interrupted('interrupted: nothing was judged');
        settle(named ? exitCodes.clean : exitCodes.violations);
        return;
      }
      const known = [...propertySuites(), ...protocolSuites()];
      if (options.list) {
        terminal.out(`${known.join('\n')}\n`);
        return;
      }
      const suites = chooseSuites(known, options.suite ?? []);
      const outcomes = await runChosen(suites, options, terminal);
      if (terminal.signal.aborted) throw new Interrupted('interrupted: nothing was judged');
      if (outcomes.every(({ passed, failed: refuted }) => passed + refuted === 0)) {
        throw new InputError(`--property: no property of ${suites.join(', ')} has such a name`);
      }
      if (options.json) printJson(terminal, { suites: outcomes });
      else terminal.out(outcomesText(outcomes));
      const failed = outcomes.some((suite) => suite.failed > 0);
      settle(failed ? exitCodes.violations : exitCodes.clean);
    });
}

function chooseSuites(known: readonly string[], wanted: readonly string[]): readonly string[] {
  for (const name of wanted) {
    if (known.includes(name)) continue;
    throw new InputError(`--suite: expected one of ${known.join(', ')}, got '${name}'`);
  }
  return wanted.length === 0 ? known.filter((name) => name !== 'mutants') : wanted;
}

/** Properties in one vitest process, then the protocol's suites one by one. */
async function runChosen(
  chosen: readonly string[],
  options: Options,
  terminal: Terminal,
): Promise<readonly SuiteOutcome[]> {
  const environment = environmentOf(options);
  const protocol = chosen.filter((name) => protocolSuites().includes(name));
  const properties = chosen.filter((name) => !protocol.includes(name));
  const outcomes: SuiteOutcome[] = [];
  if (properties.length > 0) {
    const selection = { suites: properties, property: options.property };
    outcomes.push(...(await runSuites(selection, environment, terminal)));
  }
  // A property's name, or a recorded counterexample, means properties alone.
  if (options.property !== undefined || options.replay !== undefined) return outcomes;
  for (const suite of protocol) {
    if (terminal.signal.aborted) break;
    outcomes.push(await runProtocolSuite(suite, options.runs, terminal));
  }
  return outcomes;
}

function environmentOf({ runs, seed, replay }: Options): Record<string, string> {
  const set: Record<string, string> = {};
  if (runs !== undefined) set['KERNELTWIN_RUNS'] = integer('--runs', runs, 1);
  if (seed !== undefined) set['KERNELTWIN_SEED'] = integer('--seed', seed);
  if (replay !== undefined) {
    const [first, ...path] = replay.split(':');
    set['KERNELTWIN_SEED'] = integer('--replay', first ?? '');
    if (path.length === 0 || path.some((part) => !/^\d+$/.test(part))) {
      throw new InputError(`--replay: expected seed:path as a failure prints it, got '${replay}'`);
    }
    set['KERNELTWIN_PATH'] = path.join(':');
  }
  return set;
}

function integer(option: string, text: string, least = Number.MIN_SAFE_INTEGER): string {
  const value = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least) return String(value);
  const range = least > 0 ? `an integer of at least ${least}` : 'an integer';
  throw new InputError(`${option}: expected ${range}, got '${text}'`);
}

function outcomesText(outcomes: readonly SuiteOutcome[]): string {
  const rows = outcomes.map(({ suite, passed, failed, seconds }) => [
    suite,
    String(passed),
    String(failed),
    seconds.toFixed(1),
  ]);
  const failures = outcomes.flatMap(({ failures: found }) => found);
  const details = failures.length === 0 ? '' : `\n${failures.join('\n\n')}\n`;
  return `${textTable(['suite', 'held', 'refuted', 'seconds'], rows)}${details}`;
}
