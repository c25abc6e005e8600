import { Command } from 'commander';
import type { ExitCode } from './outcome.ts';
import type { Terminal } from './terminal.ts';

/** Tells the program how the command ended. */
export type Settle = (code: ExitCode) => void;

/** Makes one command of the program. */
export type CommandMaker = (terminal: Terminal, settle: Settle) => Command;

/** What help prints of a command. */
export interface CommandHelp {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** More for the help of the command itself. */
  readonly details?: string;
  /** Arguments of an example. */
  readonly example: string;
}

/** A command with its help and an example at the end of it. */
export function describedCommand({ name, summary, details = '', example }: CommandHelp): Command {
  return new Command(name)
    .summary(summary)
    .description(`${summary[0]?.toUpperCase()}${summary.slice(1)}.\n${details}`.trimEnd())
    .addHelpText('after', `\nExample:\n  kerneltwin ${example}`);
}

/** Prints a result for machines. */
export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out(`${JSON.stringify(value, null, 2)}\n`);
}
