import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { resolveScenario } from './resolve-scenario.ts';
import { checkDraws } from './routing.ts';
import type { Scenario } from './scenario.ts';
import { ScenarioError } from './scenario-error.ts';
import { problemAt, problemsOf } from './scenario-problems.ts';
import { scenarioSchema } from './scenario-schema.ts';
import { type Overrides, readSource } from './scenario-source.ts';
import { shapeOf } from './shape-of.ts';

/**
 * Reads a YAML scenario, applies overrides (`{'model.tokens': '4096'}`) and fills in every default. Throws
 * ScenarioError with one line for each problem found.
 */
export function loadScenario(file: string, set: Overrides = {}): Scenario {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ScenarioError([
      `${file}: expected a readable scenario file, got: ${(error as Error).message}`,
    ]);
  }
  return parseScenario(text, file, set);
}

/** As loadScenario, from a text; `file` names it in messages and is where relative paths start. */
export function parseScenario(text: string, file: string, set: Overrides = {}): Scenario {
  const source = readSource(text, file, set);
  const parsed = scenarioSchema.safeParse(source.value);
  if (!parsed.success) throw new ScenarioError(problemsOf(source, parsed.error.issues));
  const problems: string[] = [];
  const name = basename(file).replace(/\.ya?ml$/, '');
  const scenario = resolveScenario(parsed.data, { file, name }, (path, expected) => {
    problems.push(problemAt(source, path, expected));
  });
  if (problems.length > 0) throw new ScenarioError(problems);
  checkSizes(file, scenario);
  return scenario;
}

/** Refuses early what routing and layout would refuse later, naming the file. */
function checkSizes(file: string, scenario: Scenario): void {
  const problems: string[] = [];
  for (const check of [shapeOf, checkDraws]) {
    try {
      check(scenario);
    } catch (error) {
      if (!(error instanceof ScenarioError)) throw error;
      problems.push(...error.problems.map((problem) => `${file}: ${problem}`));
    }
  }
  if (problems.length > 0) throw new ScenarioError(problems);
}
