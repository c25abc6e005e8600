/**
 * A scenario's values before validation, and where each came from: a place in the YAML file or an override given on
 * the command line.
 */
import { isMap, isPair, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import { ScenarioError } from './scenario-error.ts';

export type ValuePath = readonly (string | number)[];

/** Parsed values with their places. */
export interface ScenarioSource {
  readonly value: unknown;
  /** `file:line:column` of the value at `path` or of its nearest parent; `--set key` where an override put it. */
  where(path: ValuePath): string;
}

/** Overrides: dotted path to a value in YAML, as given on the command line. */
export type Overrides = Readonly<Record<string, string>>;

/** Parses YAML and applies overrides. Throws ScenarioError with every syntax error. */
export function readSource(text: string, file: string, set: Overrides): ScenarioSource {
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  const problems = [...doc.errors, ...doc.warnings].map(
    (e) => `${at(e.pos[0])}: expected valid YAML, got: ${e.message}`,
  );
  const overrides = Object.entries(set).map(([key, value]) => parseOverride(key, value, problems));
  if (problems.length > 0) throw new ScenarioError(problems);
  let value: unknown = doc.toJS();
  for (const o of overrides) value = withValue(value, o.path, o.value, o.key, 0, problems);
  if (problems.length > 0) throw new ScenarioError(problems);
  return {
    value,
    where(path: ValuePath): string {
      const { offset, found } = placeOf(doc.contents, path);
      const override = overrides.findLast(
        (o) => isPrefix(o.path, path) || (!found && isPrefix(path, o.path)),
      );
      return override === undefined ? at(offset) : `--set ${override.key}`;
    },
  };
}

interface Override {
  readonly key: string;
  readonly path: ValuePath;
  readonly value: unknown;
}

function parseOverride(key: string, text: string, problems: string[]): Override {
  const doc = parseDocument(text, { prettyErrors: false });
  for (const e of [...doc.errors, ...doc.warnings]) {
    problems.push(`--set ${key}: expected a YAML value, got ${JSON.stringify(text)}: ${e.message}`);
  }
  const path = key.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  if (path.includes('')) {
    problems.push(`--set ${key}: expected a path like model.tokens, got ${JSON.stringify(key)}`);
  }
  return { key, path, value: doc.errors.length > 0 ? undefined : doc.toJS() };
}

/** A copy of `parent` with `value` at path[depth..]; missing mappings on the way are made. */
function withValue(
  parent: unknown,
  path: ValuePath,
  value: unknown,
  key: string,
  depth: number,
  problems: string[],
): unknown {
  const part = path[depth];
  if (part === undefined) return value;
  const next = (child: unknown): unknown => withValue(child, path, value, key, depth + 1, problems);
  if (Array.isArray(parent)) {
    if (typeof part === 'number' && part < parent.length) {
      return parent.map((item, i) => (i === part ? next(item) : item));
    }
    problems.push(
      `--set ${key}: expected an index under ${parent.length} after ` +
        `${path.slice(0, depth).join('.')}, got ${part}`,
    );
    return parent;
  }
  if (parent === undefined || parent === null) return { [part]: next(undefined) };
  if (typeof parent !== 'object') {
    problems.push(
      `--set ${key}: expected a mapping at ${path.slice(0, depth).join('.')}, ` +
        `got ${JSON.stringify(parent)}`,
    );
    return parent;
  }
  const fields = parent as Record<string, unknown>;
  return { ...fields, [part]: next(Object.hasOwn(fields, part) ? fields[part] : undefined) };
}

function isPrefix(prefix: ValuePath, path: ValuePath): boolean {
  return prefix.every((part, i) => String(part) === String(path[i]));
}

/** Offset of the key or item at `path`, or of its nearest parent that is there. */
function placeOf(root: unknown, path: ValuePath): { offset: number; found: boolean } {
  let node: unknown = root;
  let offset = startOf(root);
  for (const part of path) {
    const found: Pair | Node | undefined = childOf(node, part);
    if (found === undefined) return { offset, found: false };
    offset = startOf(isPair(found) ? found.key : found);
    node = isPair(found) ? found.value : found;
  }
  return { offset, found: true };
}

function childOf(node: unknown, part: string | number): Pair | Node | undefined {
  if (isMap(node)) return node.items.find((pair) => String(pair.key) === String(part));
  const items = (node as { items?: unknown } | null)?.items;
  return Array.isArray(items) ? (items[Number(part)] as Node | undefined) : undefined;
}

function startOf(node: unknown): number {
  return (node as { range?: readonly number[] } | null)?.range?.[0] ?? 0;
}
