import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const simulated = ['engine', 'machine', 'moe', 'actors', 'policies', 'systems'];
const randomImports = new Set([
  'randomBytes',
  'randomInt',
  'randomUUID',
  'randomFill',
  'webcrypto',
]);

/** Places in a source text where `**` or a random import makes bits depend on the engine or the run. */
function breaches(text: string): string[] {
  const source = ts.createSourceFile('probe.ts', text, ts.ScriptTarget.Latest, true);
  const found: string[] = [];
  const visit = (node: ts.Node): void => {
    const exponent =
      node.kind === ts.SyntaxKind.AsteriskAsteriskToken ||
      node.kind === ts.SyntaxKind.AsteriskAsteriskEqualsToken;
    const random = ts.isImportSpecifier(node) && randomImports.has(node.name.text);
    if (exponent || random) {
      const { line } = source.getLineAndCharacterOfPosition(node.getStart());
      found.push(`${line + 1}: ${node.getText()}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function sourcesOf(folder: string): string[] {
  return readdirSync(join('sim', folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join('sim', folder, file));
}

// The linter bans Math.random, clocks, locale and transcendental Math there; it has no rule for these two.
describe('simulated paths', () => {
  it('the rule sees an exponent and a random import, and not a comment', () => {
    const text = "import { randomInt } from 'node:crypto';\n// 2 ** 3\nexport const x = 2 ** 3;\n";
    expect(breaches(text)).toEqual(['1: randomInt', '3: **']);
  });

  it.each(simulated)('sim/%s has neither', (folder) => {
    const files = sourcesOf(folder);
    expect(files.length, `no source found in sim/${folder}`).toBeGreaterThan(0);
    const found = files.flatMap((file) =>
      breaches(readFileSync(file, 'utf8')).map((place) => `${file}:${place}`),
    );
    expect(found).toEqual([]);
  });
});
