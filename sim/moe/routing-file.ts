/** Recorded routing: the choices of every token, read from a JSON file. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import type { RoutingSpec, Scenario } from './scenario.ts';
import { ScenarioError } from './scenario-error.ts';

const fileSchema = z.strictObject({
  choices: z.array(z.array(z.array(z.array(z.int().nonnegative()))).nonempty()).nonempty(),
});

/**
 * Choices of (launch, rank) from `{"choices": [launch][rank][token][k]}`, plain or gzipped (`.gz`). Throws
 * ScenarioError when the file is not what the scenario says: other content, launches, ranks, tokens, k or experts.
 */
export function recordedChoices(
  s: Scenario,
  spec: Extract<RoutingSpec, { kind: 'file' }>,
): (launch: number, rank: number) => Int32Array {
  const bytes = readBytes(spec.path);
  const hash = sha256(bytes);
  if (hash !== spec.sha256) {
    throw new ScenarioError([
      `${spec.path}: expected content with SHA-256 ${spec.sha256}, got ${hash}`,
    ]);
  }
  const { choices } = parse(spec.path, bytes);
  const problems: string[] = [];
  if (choices.length < s.launches) {
    problems.push(`${spec.path}: choices: expected ${s.launches} launches, got ${choices.length}`);
  }
  choices.slice(0, s.launches).forEach((ranks, l) => checkLaunch(s, spec.path, l, ranks, problems));
  if (problems.length > 0) throw new ScenarioError(problems.slice(0, 20));
  return (launch, rank) => Int32Array.from((choices[launch]?.[rank] ?? []).flat());
}

/** SHA-256 of a routing file, in hex; undefined when it cannot be read. */
export function routingFileHash(path: string): string | undefined {
  try {
    return sha256(readFileSync(path));
  } catch {
    return undefined;
  }
}

function checkLaunch(
  s: Scenario,
  path: string,
  launch: number,
  ranks: readonly (readonly (readonly number[])[])[],
  problems: string[],
): void {
  const where = `${path}: choices[${launch}]`;
  if (ranks.length !== s.world.ranks) {
    problems.push(`${where}: expected ${s.world.ranks} ranks, got ${ranks.length}`);
    return;
  }
  ranks.forEach((tokens, rank) => {
    const expected = s.model.tokens[rank];
    if (tokens.length !== expected) {
      problems.push(`${where}[${rank}]: expected ${expected} tokens, got ${tokens.length}`);
    }
    tokens.forEach((experts, token) => {
      const distinct = new Set(experts).size === experts.length;
      const inRange = experts.every((e) => e < s.model.experts);
      if (distinct && inRange && experts.length === s.model.topK) return;
      problems.push(
        `${where}[${rank}][${token}]: expected ${s.model.topK} distinct experts under ` +
          `${s.model.experts}, got [${experts.join(', ')}]`,
      );
    });
  });
}

function parse(path: string, bytes: Buffer): z.infer<typeof fileSchema> {
  let value: unknown;
  try {
    value = JSON.parse((path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8'));
  } catch (error) {
    throw new ScenarioError([`${path}: expected JSON, got: ${(error as Error).message}`]);
  }
  const result = fileSchema.safeParse(value);
  if (result.success) return result.data;
  throw new ScenarioError(
    result.error.issues.slice(0, 20).map((i) => `${path}: ${i.path.join('.')}: ${i.message}`),
  );
}

function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new ScenarioError([
      `${path}: expected a readable routing file, got: ${(error as Error).message}`,
    ]);
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
