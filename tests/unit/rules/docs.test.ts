import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseScenario } from '../../../sim/moe/load-scenario.ts';
import { scenarioJsonSchema } from '../../../sim/moe/scenario-schema.ts';
import { policies } from '../../../sim/policies/registry.ts';

const pages = [
  'README.md',
  'CONTRIBUTING.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

/** Targets of relative links in a page. */
function links(page: string): string[] {
  const text = readFileSync(page, 'utf8');
  return [...text.matchAll(/\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g)].map(([, to]) => to ?? '');
}

/** Dotted paths of all keys of a JSON Schema object, first level of alternatives left out. */
function keysOf(schema: unknown, path: string[] = []): string[] {
  const { properties } = schema as { properties?: Record<string, unknown> };
  if (properties === undefined) return [path.join('.')];
  return Object.entries(properties).flatMap(([key, value]) => keysOf(value, [...path, key]));
}

describe('documentation', () => {
  it.each(pages)('%s links to what exists', (page) => {
    const missing = links(page).filter((to) => !existsSync(join(dirname(page), to)));
    expect(missing).toEqual([]);
  });

  it('the scenario in the README is one', () => {
    const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(readFileSync('README.md', 'utf8')) ?? [];
    expect(parseScenario(yaml, 'README.yaml')).toMatchObject({ world: { ranks: 4 }, launches: 4 });
  });

  it('the guide names every key of a scenario, every policy and every shipped file', () => {
    const guide = readFileSync('docs/guide/scenarios.md', 'utf8');
    const keys = keysOf(scenarioJsonSchema()).map((key) => key.split('.').at(-1) ?? '');
    const files = readdirSync('scenarios')
      .filter((name) => name.endsWith('.yaml'))
      .map((name) => name.replace('.yaml', '').replace(/^shared-h200(?=-[48])/, ''));
    const names = [...keys, ...files, ...policies.map(({ name }) => name)];
    const unnamed = names.filter((name) => !new RegExp(`[\`.]${name}\``).test(guide));
    expect(unnamed).toEqual([]);
  });

  it('every npm script that a page names exists', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: object };
    const named = pages.flatMap((page) =>
      [...readFileSync(page, 'utf8').matchAll(/npm run ([a-z][\w:]*)/g)].map(([, name]) => name),
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !Object.hasOwn(scripts, name ?? ''))).toEqual([]);
  });
});
