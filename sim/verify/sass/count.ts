/** Counts the instructions of a disassembly, by what they cost. */

/** Classes of SASS instructions; whatever no other class names is `integer`: arithmetic, moves, constants, predicates. */
export const classes = ['memory', 'atomics', 'fences', 'warp', 'control', 'integer'] as const;
export type InstructionClass = (typeof classes)[number];
export type Counts = Readonly<Record<InstructionClass | 'total', number>>;

const members: Readonly<Record<Exclude<InstructionClass, 'integer'>, readonly string[]>> = {
  memory: ['LD', 'LDG', 'LDS', 'LDL', 'LDSM', 'ST', 'STG', 'STS', 'STL'],
  atomics: ['ATOM', 'ATOMG', 'ATOMS', 'RED', 'REDG'],
  fences: ['MEMBAR', 'FENCE', 'ERRBAR', 'CGAERRBAR', 'CCTL'],
  // What is left of a __syncwarp() in converged code is a NOP, which still takes its turn.
  warp: ['VOTE', 'VOTEU', 'SHFL', 'MATCH', 'REDUX', 'WARPSYNC', 'NOP', 'BAR'],
  control: ['BRA', 'BRX', 'JMP', 'CALL', 'RET', 'EXIT', 'BREAK', 'BSSY', 'BSYNC', 'BMOV', 'YIELD'],
};

const classOf = new Map<string, InstructionClass>(
  Object.entries(members).flatMap(([name, opcodes]) =>
    opcodes.map((opcode) => [opcode, name as InstructionClass] as const),
  ),
);

// A line is an address in a comment, perhaps a predicate, then the opcode and its modifiers.
const instruction = /^\s+\/\*[0-9a-f]{4,}\*\/\s+(?:@!?U?P(?:T|\d+)\s+)?([A-Z][A-Z0-9_]*)/;
const start = /^\.text\.(\S+):$/;

function countsOf(opcodes: readonly string[]): Counts {
  // A function ends with a branch to itself that is never reached, and fills its last line with NOPs.
  const end = opcodes.findLastIndex((opcode) => opcode !== 'NOP');
  const body = opcodes.slice(0, opcodes[end] === 'BRA' ? end : end + 1);
  const counts = Object.fromEntries(classes.map((name) => [name, 0])) as Record<string, number>;
  for (const opcode of body) {
    const name = classOf.get(opcode) ?? 'integer';
    counts[name] = (counts[name] ?? 0) + 1;
  }
  return { ...counts, total: body.length } as Counts;
}

/** Counts of every function of a `nvdisasm -c` listing. Throws Error when it has none. */
export function countSass(listing: string): ReadonlyMap<string, Counts> {
  const opcodes = new Map<string, string[]>();
  let current: string[] | undefined;
  for (const line of listing.split('\n')) {
    const name = start.exec(line)?.[1];
    if (name !== undefined) {
      current = [];
      opcodes.set(name, current);
    }
    const opcode = instruction.exec(line)?.[1];
    if (opcode !== undefined) current?.push(opcode);
  }
  if (opcodes.size === 0) throw new Error('expected a disassembly, found no function in it');
  return new Map([...opcodes].map(([name, body]) => [name, countsOf(body)]));
}

/** Registers a thread of every function needs, from the assembler's own report (`ptxas -v`). */
export function registersOf(report: string): ReadonlyMap<string, number> {
  const registers = new Map<string, number>();
  let current = '';
  for (const line of report.split('\n')) {
    current = /Compiling entry function '([^']+)'/.exec(line)?.[1] ?? current;
    const used = /Used (\d+) registers/.exec(line)?.[1];
    if (used !== undefined) registers.set(current, Number(used));
  }
  return registers;
}
