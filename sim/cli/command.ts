import { Command } from 'commander';
import type { ExitCode } from './outcome.ts';
import type { Terminal } from './terminal.ts';

/** Tells the program how the command ended. */
export type Settle = (code: ExitCode) => void;

/** Makes one command of the program. */
export type CommandMaker = (terminal: Terminal, settle: Settle) => Command;

/** A command with its description and an example at the end of its help. */
export function describedCommand(name: string, description: string, example: string): Command {
  return new Command(name)
    .description(description)
    .addHelpText('after', `\nExample:\n  kerneltwin ${example}`);
}

/** Prints a result for machines. */
export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out(`${JSON.stringify(value, null, 2)}\n`);
}
