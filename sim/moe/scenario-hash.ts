/** Identity of the work a scenario asks for. */
import { createHash } from 'node:crypto';
import type { Scenario } from './scenario.ts';

/**
 * JSON with keys in code-unit order at every level, without what does not change the work: name, description and the
 * path of a routing file (its content's hash stays).
 */
export function canonicalJson(s: Scenario): string {
  const { name: _name, description: _description, ...work } = s;
  if (s.routing.kind !== 'file') return JSON.stringify(sorted(work));
  const { path: _path, ...routing } = s.routing;
  return JSON.stringify(sorted({ ...work, routing }));
}

/** SHA-256 of the canonical JSON, in hex. */
export function scenarioHash(s: Scenario): string {
  return createHash('sha256').update(canonicalJson(s)).digest('hex');
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const fields = value as Record<string, unknown>;
  const keys = Object.keys(fields).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted(fields[key])]));
}
