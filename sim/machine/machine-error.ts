/** A machine profile that cannot be used: one line per problem. */
export class MachineError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'MachineError';
    this.problems = problems;
  }
}
