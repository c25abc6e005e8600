/** Whether the policies cost more than is allowed, and the page that says what they cost. */
import { type Counts, classes } from './count.ts';
import { type ComparedFunction, comparedFunctions } from './functions.ts';

export interface Half {
  readonly counts: ReadonlyMap<string, Counts>;
  readonly registers: ReadonlyMap<string, number>;
}

export interface ComparedRow {
  readonly compared: ComparedFunction;
  readonly policy: Counts;
  readonly hand: Counts;
  readonly registers: readonly [policy: number, hand: number];
  /** What is over the allowance; empty: nothing. */
  readonly problem: string;
}

const accesses = (c: Counts): number => c.memory + c.atomics + c.fences;

function problemOf(compared: ComparedFunction, policy: Counts, hand: Counts): string {
  const more = policy.total - hand.total;
  if (more > compared.allowed) {
    return `${compared.name}: ${policy.total} instructions through the policies, ${hand.total} by hand: ${more} more, allowed ${compared.allowed}`;
  }
  const moreAccesses = accesses(policy) - accesses(hand);
  const allowed = compared.allowedAccesses ?? 0;
  if (moreAccesses <= allowed) return '';
  return `${compared.name}: ${moreAccesses} accesses, atomics and fences more than by hand, allowed ${allowed}`;
}

/** Throws Error when a function is missing in a half, or one is there that nobody compares. */
export function judge(
  policies: Half,
  byHand: Half,
  functions: readonly ComparedFunction[] = comparedFunctions,
): ComparedRow[] {
  const known = new Set(functions.map((f) => f.name));
  const strangers = [...policies.counts.keys(), ...byHand.counts.keys()].filter(
    (n) => !known.has(n),
  );
  if (strangers.length > 0) throw new Error(`nobody compares ${strangers.join(', ')}`);
  return functions.map((compared) => {
    const policy = policies.counts.get(compared.name);
    const hand = byHand.counts.get(compared.name);
    if (policy === undefined || hand === undefined) {
      throw new Error(
        `${compared.name} is missing in ${policy === undefined ? 'the policies' : "the hand's"} half`,
      );
    }
    const registers = [
      policies.registers.get(compared.name) ?? 0,
      byHand.registers.get(compared.name) ?? 0,
    ] as const;
    return { compared, policy, hand, registers, problem: problemOf(compared, policy, hand) };
  });
}

const heading = `# The device's policies: what they cost

Written by \`npm run results:sass\`; it needs CUDA's compiler and no GPU. The protocol headers reach memory, warps and traces
through policies, so that one text runs in the kernel, on the emulated GPU and under the explorer. Here that text, through the
device's policies, is compared with the same work written by hand in plain PTX and CUDA, without policies
([kernel/tests/policies](../../kernel/tests/policies)): instructions of both, compiled as the kernel is, counted in the
disassembly. \`npm run results:sass -- --check\` fails when a function has more than the allowed instructions over the hand's;
so does a build with CUDA in CI.
`;

const reading = `
Counts are of instructions in the text, policies / by hand; *accesses* are loads and stores, atomics and fences. Spins look at
the abort word and the clock on both sides: that is the protocol, not a policy. The trace policy here does nothing; a record
that nobody keeps leaves no instruction behind, a relaxed load made only for it included. In the kernel tracing is switched
at run time: then a record costs its test, and the scheduler reads the bound twice a launch and every actor the abort word
once, for records that are not made.

Where there is a difference:
`;

const pair = (a: number, b: number): string => (a === b ? String(a) : `${a} / ${b}`);

/** The page docs/results/policies.md. */
export function policiesPage(rows: readonly ComparedRow[], compiler: string): string {
  const shown = classes.map((name) => ` ${name} |`).join('');
  const table = rows.map(({ compared, policy, hand, registers }) => {
    const more = policy.total - hand.total;
    const cells = classes.map((name) => pair(policy[name], hand[name])).join(' | ');
    const difference = more > 0 ? `+${more}` : String(more);
    return `| ${compared.what} | ${policy.total} | ${hand.total} | ${difference} | ${compared.allowed} | ${cells} | ${pair(...registers)} |`;
  });
  const reasons = rows
    .filter(({ compared }) => compared.why !== undefined)
    .map(({ compared }) => `- ${compared.what}: ${compared.why}.`);
  return [
    heading,
    `Compiler: nvcc ${compiler}, sm_90a.\n`,
    `| function | policies | by hand | more | allowed |${shown} registers |`,
    `|---|---|---|---|---|${classes.map(() => '---|').join('')}---|`,
    ...table,
    reading,
    ...reasons,
    '',
  ].join('\n');
}
