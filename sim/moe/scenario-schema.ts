/**
 * What a scenario file may say. Each schema's error text is what was expected there, worded to follow "expected"; for
 * an unknown key it is the list of known ones.
 */
import { z } from 'zod';
import { rowStep } from './generated/layout.ts';
import { activations, gemmPaths } from './scenario.ts';
import type { ScenarioInput } from './scenario-input.ts';

const maxSeed = 4294967295;

/** An integer in [min, max], a multiple of `step`. */
function integer(min: number, max: number, step = 1): z.ZodInt {
  const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
  const error = `an integer ${range}${step === 1 ? '' : `, a multiple of ${step}`}`;
  const bounded = z.int({ error }).min(min, { error }).max(max, { error });
  return step === 1 ? bounded : bounded.multipleOf(step, { error });
}

function count(min: number, step = 1): z.ZodInt {
  return integer(min, Number.MAX_SAFE_INTEGER, step);
}

function oneOf<const T extends readonly string[]>(
  names: T,
): z.ZodEnum<z.core.util.ToEnum<T[number]>> {
  return z.enum(names, { error: `one of ${names.join(', ')}` });
}

function text(error: string): z.ZodString {
  return z.string({ error }).min(1, { error });
}

function mapping<T extends z.core.$ZodLooseShape>(shape: T): z.ZodObject<T, z.core.$strict> {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? keys : `a mapping with ${keys}`),
  });
}

const seed = integer(0, maxSeed);
const routingSeed = seed.optional().describe('Seed of the routing alone. Default: the seed.');

const capacity = 'dropless or a factor over zero';

const world = mapping({
  ranks: integer(1, 65536).describe('Ranks of the expert-parallel world.'),
  gpus: integer(1, 65536)
    .optional()
    .describe('Physical GPUs; the ranks are spread evenly over them. Default: one per rank.'),
  machine: text('the name of a machine profile or a path to one')
    .default('h200')
    .describe('Machine profile: a name (h200, h100, a100) or a path relative to this file.'),
  blocks: z
    .union([z.literal('auto'), count(2)], { error: 'auto or an integer of at least 2' })
    .default('auto')
    .describe(
      'Blocks of each rank, the OS block included; an even number where a processor is a pair. ' +
        'auto: as many as fit on the GPU.',
    ),
  expertsPerRank: z
    .array(count(0), { error: 'a list of integers, one for each rank' })
    .optional()
    .describe('Experts held by each rank, at least one. Default: an even split.'),
  transport: oneOf(['direct', 'put'])
    .default('direct')
    .describe('Stores through mapped peer memory, or put-with-signal from staging buffers.'),
  gemm: oneOf(gemmPaths)
    .default('mma')
    .describe(
      'How the kernel multiplies. wgmma: one block an SM, COMBINE beside tiles; ' +
        'tiles over 64 x 128 on a pair of blocks.',
    ),
});

const model = mapping({
  tokens: z
    .union([count(0), z.array(count(0))], {
      error: 'an integer of at least 0, or a list of them with one for each rank',
    })
    .describe('Tokens S of every rank, or of each rank. Zero is legal.'),
  hidden: count(64, 64).describe('Hidden size H, a multiple of 64.'),
  intermediate: count(64, 64).describe('Intermediate size I of an expert, a multiple of 64.'),
  experts: count(1).describe('Experts E over all ranks.'),
  topK: integer(1, 8).describe('Experts k chosen by each token.'),
  capacity: z
    .union([z.literal('dropless'), z.number({ error: capacity }).positive({ error: capacity })], {
      error: capacity,
    })
    .default('dropless')
    .describe('Rows per (source rank, expert) as a factor of S k / E, rounded up; or dropless.'),
  activation: oneOf(activations)
    .default('gelu')
    .describe('After GEMM0. swiglu and geglu multiply silu or gelu of a gate by a second product.'),
  dtype: oneOf(['bf16', 'fp16']).default('bf16').describe('Element type of tokens and weights.'),
  renormalise: z
    .boolean({ error: 'true or false' })
    .default(true)
    .describe('Scale the k probabilities of a token to sum to one.'),
  bias: z.boolean({ error: 'true or false' }).default(true).describe('Experts have biases.'),
});

const kinds = ['uniform', 'zipf', 'hot', 'silent', 'file'];

const routing = z
  .discriminatedUnion(
    'kind',
    [
      mapping({ kind: z.literal('uniform'), seed: routingSeed }),
      mapping({
        kind: z.literal('zipf'),
        exponent: z
          .number({ error: 'a number from 0 to 16' })
          .min(0, { error: 'a number from 0 to 16' })
          .max(16, { error: 'a number from 0 to 16' })
          .describe('Weight 1 / (e + 1)^exponent; the seed decides which expert is e-th.'),
        seed: routingSeed,
      }),
      mapping({
        kind: z.literal('hot'),
        experts: z
          .array(count(0), { error: 'a list of expert numbers, at least one' })
          .min(1, { error: 'a list of expert numbers, at least one' })
          .describe('The hot experts.'),
        share: z
          .number({ error: 'a number from 0 to 1' })
          .min(0, { error: 'a number from 0 to 1' })
          .max(1, { error: 'a number from 0 to 1' })
          .describe('Share of all first choices that goes to the hot experts.'),
        seed: routingSeed,
      }),
      mapping({
        kind: z.literal('silent'),
        from: count(0).describe('The rank that sends nothing'),
        to: count(0).describe('to the experts of this rank.'),
        seed: routingSeed,
      }),
      mapping({
        kind: z.literal('file'),
        path: text('the path of a JSON file').describe(
          'Recorded choices [launch][rank][token][k] as JSON, plain or .gz, relative to this file.',
        ),
      }),
    ],
    {
      error: (issue) =>
        issue.code === 'invalid_union' ? `one of ${kinds.join(', ')}` : 'a mapping with kind',
    },
  )
  .default({ kind: 'uniform' })
  .describe('How tokens choose experts.');

/** The schema of a scenario file. */
export const scenarioSchema: z.ZodType<ScenarioInput> = mapping({
  name: text('a name').optional().describe('Default: the name of the file.'),
  description: z.string({ error: 'a text' }).default('').describe('What the scenario is for.'),
  world,
  model,
  routing,
  tiles: mapping({
    rows: integer(rowStep, 1024, rowStep).default(128).describe('Most tokens of a row block.'),
    cols: integer(64, 1024, 64).default(128).describe('Columns of a GEMM or COMBINE tile.'),
  })
    .prefault({})
    .describe('Tile sizes.'),
  policy: text('the name of a scheduling policy').default('fifo').describe('Scheduling policy.'),
  policyOptions: z
    .record(
      z.string(),
      z.union([z.number(), z.string(), z.boolean()], { error: 'a number, a text, true or false' }),
      { error: 'a mapping of option names to values' },
    )
    .default({})
    .describe('Options of the policy.'),
  readiness: oneOf(['eager', 'lazy'])
    .default('eager')
    .describe('A processor reports ready when it picks a task up (eager) or finishes it (lazy).'),
  launches: integer(1, 1000000).default(1).describe('Forward passes in a row.'),
  noise: mapping({
    durationPpm: integer(0, 999999)
      .default(0)
      .describe('Spread of task durations, parts per million, uniform in [-x, x].'),
    launchSkewNs: integer(0, 1000000000)
      .default(0)
      .describe('Each rank starts each launch up to this many ns late.'),
  })
    .prefault({})
    .describe('Jitter of the simulation.'),
  seed: seed.default(1).describe('Seed of everything that is drawn.'),
});

/** JSON Schema of a scenario file, for editors. */
export function scenarioJsonSchema(): object {
  return {
    title: 'kerneltwin scenario',
    ...z.toJSONSchema(scenarioSchema, { io: 'input', target: 'draft-7' }),
  };
}

/** Content of scenarios/scenario.schema.json. */
export function scenarioSchemaText(): string {
  return `${JSON.stringify(scenarioJsonSchema(), null, 2)}\n`;
}
