import { readFileSync } from 'node:fs';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import {
  type Beside,
  besideNames,
  besideUnits,
  type Constant,
  type ConstantName,
  constantNames,
  constantUnits,
  type KernelConstants,
  type Machine,
  valueRule,
} from './constants.ts';
import { MachineError } from './machine-error.ts';
import a100 from './profiles/a100.json' with { type: 'json' };
import h100 from './profiles/h100.json' with { type: 'json' };
import h200 from './profiles/h200.json' with { type: 'json' };

/** A GPU as data: every constant the simulator uses, with unit and source. */
export interface MachineProfile {
  readonly name: string;
  readonly description: string;
  readonly constants: Readonly<Record<ConstantName, Constant>>;
  /** By the name a scenario gives in `world.gemm`: what differs in that kernel. */
  readonly kernels: Readonly<Record<string, KernelConstants>>;
}

const rules = {
  count: z.int({ error: 'an integer of at least 1' }).min(1, { error: 'an integer of at least 1' }),
  latency: z
    .int({ error: 'an integer of at least 0' })
    .min(0, { error: 'an integer of at least 0' }),
  share: z
    .number({ error: 'a number from 0 to under 1' })
    .min(0, { error: 'a number from 0 to under 1' })
    .lt(1, { error: 'a number from 0 to under 1' }),
  rate: z.number({ error: 'a number over 0' }).positive({ error: 'a number over 0' }),
};

function text(what: string): z.ZodString {
  return z.string({ error: what }).min(1, { error: what });
}

function constantSchema(unit: string): z.ZodType<Constant> {
  return z.strictObject(
    {
      value: rules[valueRule(unit)],
      unit: z.literal(unit, { error: JSON.stringify(unit) }),
      source: text('where the value comes from'),
    },
    { error: 'a constant with value, unit, source' },
  );
}

const constantSchemas = Object.fromEntries(
  constantNames.map((name) => [name, constantSchema(constantUnits[name])]),
);

const kernelSchema = z.strictObject(
  {
    constants: z
      .strictObject(constantSchemas, { error: `some of ${constantNames.join(', ')}` })
      .partial(),
    beside: z
      .strictObject(
        Object.fromEntries(besideNames.map((name) => [name, constantSchema(besideUnits[name])])),
        { error: `the constants ${besideNames.join(', ')}` },
      )
      .optional(),
  },
  { error: 'an object with constants, perhaps beside' },
);

const profileSchema = z.strictObject(
  {
    name: text('a name'),
    description: z.string({ error: 'a text' }),
    constants: z.strictObject(constantSchemas, {
      error: `the constants ${constantNames.join(', ')}`,
    }),
    kernels: z.record(z.string(), kernelSchema, { error: 'kernels by name' }),
  },
  { error: 'an object with name, description, constants, kernels' },
);

const shipped: Readonly<Record<string, unknown>> = { h200, h100, a100 };

/** Names of the profiles that come with the project. */
export const profileNames: readonly string[] = Object.keys(shipped);

/**
 * The profile a scenario names: one of {@link profileNames}, or the path of a JSON file.
 * @throws {MachineError} naming file, line, column, path, what was expected and what was there.
 */
export function loadMachineProfile(nameOrPath: string): MachineProfile {
  const known = Object.hasOwn(shipped, nameOrPath) ? shipped[nameOrPath] : undefined;
  if (known !== undefined) return validate(known, () => `profile ${nameOrPath}`);
  if (!nameOrPath.includes('/') && !nameOrPath.endsWith('.json')) {
    throw new MachineError([
      `machine: expected one of ${profileNames.join(', ')} or the path of a profile, got ${nameOrPath}`,
    ]);
  }
  let text: string;
  try {
    text = readFileSync(nameOrPath, 'utf8');
  } catch (error) {
    throw new MachineError([
      `${nameOrPath}: expected a readable machine profile, got: ${(error as Error).message}`,
    ]);
  }
  return parseMachineProfile(text, nameOrPath);
}

/** A profile from JSON text; `file` names it in messages. */
export function parseMachineProfile(text: string, file: string): MachineProfile {
  // JSON is YAML, and the YAML parser knows the line of every value.
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const where = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return `${file}:${line}:${col}`;
  };
  if (doc.errors.length > 0) {
    throw new MachineError(
      doc.errors.map((e) => `${where(e.pos[0])}: expected valid JSON, got: ${e.message}`),
    );
  }
  return validate(doc.toJS(), (path) => {
    for (let length = path.length; length > 0; length--) {
      const node = doc.getIn(path.slice(0, length), true) as { range?: [number] } | undefined;
      if (node?.range !== undefined) return where(node.range[0]);
    }
    return where(0);
  });
}

function validate(value: unknown, where: (path: PropertyKey[]) => string): MachineProfile {
  const parsed = profileSchema.safeParse(value);
  if (parsed.success) return parsed.data as MachineProfile;
  throw new MachineError(
    parsed.error.issues.flatMap((issue) => {
      const problem = (path: PropertyKey[], expected: string, got: string): string =>
        `${where(path)}: ${path.join('.') || 'profile'}: expected ${expected}, got ${got}`;
      if (issue.code === 'unrecognized_keys') {
        return issue.keys.map((key) => problem([...issue.path, key], issue.message, `key ${key}`));
      }
      return [problem(issue.path, issue.message, textOf(value, issue.path))];
    }),
  );
}

function textOf(value: unknown, path: readonly PropertyKey[]): string {
  let at = value;
  for (const part of path) at = (at as Record<PropertyKey, unknown> | undefined)?.[part];
  return at === undefined ? 'nothing' : JSON.stringify(at);
}

/**
 * The numbers of a profile: of the machine itself, or as a kernel finds it.
 * @throws {MachineError} when the machine cannot run that kernel.
 */
export function machineOf(profile: MachineProfile, kernel?: string): Machine {
  const own = kernel === undefined ? {} : kernelOf(profile, kernel).constants;
  const numbers = constantNames.map(
    (name) => [name, (own[name] ?? profile.constants[name]).value] as const,
  );
  return Object.fromEntries(numbers) as Machine;
}

/** The numbers of a kernel with COMBINE beside tiles; undefined for one that runs one task after the other. */
export function besideOf(profile: MachineProfile, kernel: string): Beside | undefined {
  const { beside } = kernelOf(profile, kernel);
  if (beside === undefined) return undefined;
  return Object.fromEntries(besideNames.map((name) => [name, beside[name].value])) as Beside;
}

function kernelOf({ name, kernels }: MachineProfile, kernel: string): KernelConstants {
  const own = Object.hasOwn(kernels, kernel) ? kernels[kernel] : undefined;
  if (own !== undefined) return own;
  throw new MachineError([
    `world.gemm: expected a kernel of machine ${name} (${Object.keys(kernels).join(', ')}), got ${kernel}`,
  ]);
}
