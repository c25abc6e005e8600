/** Exit codes of every command. */
export const exitCodes = {
  /** Nothing that could be judged is wrong. */
  clean: 0,
  /** Violations, work that differs, or a failed run. */
  violations: 1,
  /** Input that cannot be used: options, scenarios, traces. */
  unusable: 2,
  /** Ended by Ctrl-C, as shells report it. Files written before are complete. */
  interrupted: 130,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Input that cannot be used. The message says what was wrong, where, and what would be right. */
export class InputError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'InputError';
  }
}

/** The command was stopped by Ctrl-C. The message says what is usable of what it had done. */
export class Interrupted extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Interrupted';
  }
}
