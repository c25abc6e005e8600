/** Turns what a schema found wrong into lines for people: where, which value, what was expected, what was given. */
import type { z } from 'zod';
import type { ScenarioSource, ValuePath } from './scenario-source.ts';

/** `file:line:column: path: expected X, got Y`. */
export function problemAt(source: ScenarioSource, path: ValuePath, expected: string): string {
  const value = valueAt(source.value, path);
  return `${source.where(path)}: ${pathText(path)}: expected ${expected}, got ${valueText(value)}`;
}

/** One line for each thing that is wrong; the issues' paths start at `base`. */
export function problemsOf(
  source: ScenarioSource,
  issues: readonly z.core.$ZodIssue[],
  base: ValuePath = [],
): string[] {
  return issues.flatMap((issue) => {
    const inside = issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part));
    const path = [...base, ...inside];
    if (issue.code === 'invalid_union') {
      const inner = deepest(issue.errors);
      if (inner.some((i) => i.path.length > 0)) {
        return problemsOf(source, inner, path);
      }
    }
    if (issue.code !== 'unrecognized_keys') return [problemAt(source, path, issue.message)];
    const known = issue.message.split(', ');
    return issue.keys.map((key) => unknownKey(source, [...path, key], key, known));
  });
}

/** The branch of a union that got furthest into the value: the one that was meant. */
function deepest(branches: readonly z.core.$ZodIssue[][]): readonly z.core.$ZodIssue[] {
  const depth = (issues: readonly z.core.$ZodIssue[]): number =>
    Math.max(0, ...issues.map((i) => i.path.length));
  return branches.reduce((best, next) => (depth(next) > depth(best) ? next : best), []);
}

function unknownKey(
  source: ScenarioSource,
  path: ValuePath,
  key: string,
  known: readonly string[],
): string {
  const near = nearest(key, known);
  const hint = near === undefined ? '' : ` (did you mean ${near}?)`;
  const where = `${source.where(path)}: ${pathText(path)}`;
  return `${where}: expected one of the keys ${known.join(', ')}, got ${key}${hint}`;
}

/** The known key fewest edits away, when that is under half of its length. */
function nearest(key: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of known) {
    const distance = editDistance(key.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance && distance * 2 <= candidate.length) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions and replacements that turn `a` into `b`. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replace, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

function pathText(path: ValuePath): string {
  if (path.length === 0) return 'scenario';
  return path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${part}`))
    .join('');
}

function valueAt(value: unknown, path: ValuePath): unknown {
  let at = value;
  for (const part of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, part)) return undefined;
    at = (at as Record<string | number, unknown>)[part];
  }
  return at;
}

function valueText(value: unknown): string {
  if (value === undefined) return 'nothing';
  // JSON has no words for these three; YAML does.
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
