import * as z from 'zod';

import { TraceError } from './errors.ts';
import { type TraceHeader, traceVersion } from './trace.ts';

const count = z.int().min(0);

/** Shape of a header. Unknown keys are kept: a newer producer may say more than this reader understands. */
const headerSchema = z.looseObject({
  version: z.literal(traceVersion),
  source: z.enum(['simulator', 'gpu', 'emulator', 'explorer']),
  producer: z.looseObject({ name: z.string(), version: z.string(), hash: z.string() }),
  scenario: z.unknown(),
  scenarioHash: z.string(),
  seed: z.number(),
  launches: count,
  firstLaunch: count,
  readiness: z.enum(['eager', 'lazy']),
  policy: z.string(),
  ranks: z
    .array(
      z.looseObject({
        blocks: z.int().min(2),
        processors: z.int().min(1).optional(),
        subscribers: z.int().min(1),
      }),
    )
    .min(1),
  clock: z.looseObject({
    unit: z.literal('ns'),
    residualNs: z.looseObject({ sameRank: z.number().min(0), crossRank: z.number().min(0) }),
    method: z.string(),
  }),
  rows: z.array(z.array(z.array(count))),
  lostEvents: z.array(count),
  machine: z.looseObject({
    name: z.string(),
    facts: z.record(z.string(), z.union([z.string(), z.number()])),
  }),
  launchMs: z.array(z.number()),
});

/**
 * A header from parsed JSON.
 * @throws {TraceError} naming the first field that is wrong and its value.
 */
export function headerFrom(where: string, json: unknown): TraceHeader {
  const parsed = headerSchema.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = issue?.path ?? [];
    throw new TraceError({
      where,
      what: `header field ${path.length > 0 ? path.join('.') : '(whole header)'}`,
      expected: issue?.message ?? 'a trace header',
      got: show(valueAt(json, path)),
    });
  }
  const header = parsed.data as unknown as TraceHeader;
  assertPerRank(where, header);
  header.ranks.forEach((_, rank) => {
    assertProcessors(where, header, rank);
  });
  return header;
}

/** Processors have the same number of blocks each, and the OS has as many. */
function assertProcessors(where: string, { ranks }: TraceHeader, rank: number): void {
  const { blocks, processors } = ranks[rank]!;
  if (processors === undefined || blocks % (processors + 1) === 0) return;
  throw new TraceError({
    where,
    what: `header field ranks.${rank}.processors`,
    expected: `one less than a divisor of its ${blocks} blocks`,
    got: String(processors),
  });
}

/** Lists that have one entry a rank, or one a launch, agree with the numbers of ranks and launches. */
function assertPerRank(where: string, header: TraceHeader): void {
  const ranks = header.ranks.length;
  const lengths: readonly [string, number, number][] = [
    ['lostEvents', header.lostEvents.length, ranks],
    ['rows', header.rows.length, header.launches],
    ...header.rows.map((launch, i): [string, number, number] => [
      `rows.${i}`,
      launch.length,
      ranks,
    ]),
  ];
  for (const [name, got, expected] of lengths) {
    if (got === expected) continue;
    throw new TraceError({
      where,
      what: `header field ${name}`,
      expected: `${expected} entries`,
      got: `${got} entries`,
    });
  }
}

function valueAt(json: unknown, path: readonly PropertyKey[]): unknown {
  let value = json;
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
