/** What was wrong with a trace: where, what the reader expected and what it got. */
export interface TraceProblem {
  /** File, or the program stage, that holds the trace. */
  readonly where: string;
  readonly what: string;
  readonly expected: string;
  readonly got: string;
}

/** A trace, or a trace file, that cannot be used. The message carries all four parts. */
export class TraceError extends Error implements TraceProblem {
  readonly where: string;
  readonly what: string;
  readonly expected: string;
  readonly got: string;

  constructor(problem: TraceProblem, options?: ErrorOptions) {
    super(
      `${problem.where}: ${problem.what}: expected ${problem.expected}, got ${problem.got}`,
      options,
    );
    this.name = 'TraceError';
    this.where = problem.where;
    this.what = problem.what;
    this.expected = problem.expected;
    this.got = problem.got;
  }
}
