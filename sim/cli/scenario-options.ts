import type { Command } from 'commander';
import { loadScenario } from '../moe/load-scenario.ts';
import type { Scenario } from '../moe/scenario.ts';
import { InputError } from './outcome.ts';

/** Options of every command that takes a scenario. */
export interface ScenarioOptions {
  readonly policy?: string;
  readonly seed?: string;
  readonly set?: readonly string[];
}

/** Adds the scenario argument and the options that change it. */
export function withScenario(command: Command): Command {
  return command
    .argument('<scenario>', 'YAML scenario (see scenarios/)')
    .option('--policy <name>', 'scheduling policy instead of the scenario\u2019s')
    .option('--seed <number>', 'seed instead of the scenario\u2019s')
    .option(
      '--set <key=value>',
      'override any value of the scenario, e.g. model.tokens=4096; may be repeated',
      repeated,
    );
}

/** Loads the scenario with the options applied. */
export function openScenario(file: string, options: ScenarioOptions): Scenario {
  const set: Record<string, string> = {};
  for (const text of options.set ?? []) {
    const at = text.indexOf('=');
    if (at <= 0) throw new InputError(`--set: expected key=value, got '${text}'`);
    set[text.slice(0, at)] = text.slice(at + 1);
  }
  if (options.policy !== undefined) set['policy'] = options.policy;
  if (options.seed !== undefined) set['seed'] = options.seed;
  return loadScenario(file, set);
}

/** Collects the values of an option that may be given more than once. */
export function repeated(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
