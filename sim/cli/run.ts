import { Command, CommanderError } from 'commander';
import { commands } from './commands/index.ts';
import { errorOutcome } from './error-outcome.ts';
import { type ExitCode, exitCodes } from './outcome.ts';
import { packageVersion } from './package-info.ts';
import type { Terminal } from './terminal.ts';

/** Runs one command line, e.g. `['check', 'run.ktrace.parquet']`, and returns its exit code. Never throws. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<ExitCode> {
  let outcome: ExitCode = exitCodes.clean;
  const program = new Command('kerneltwin')
    .description(
      'A twin of a fused, distributed mixture-of-experts kernel: simulate, check, compare.',
    )
    .version(packageVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text),
    })
    .addHelpText(
      'after',
      '\nExit codes: 0 clean, 1 violations or a failed run, 2 unusable input.\n' +
        'Example:\n  kerneltwin twin scenarios/one-h200.yaml',
    );
  for (const make of commands) {
    const settle = (code: ExitCode): void => {
      outcome = code;
    };
    program.addCommand(inherited(make(terminal, settle), program));
  }
  try {
    await program.parseAsync(args, { from: 'user' });
    return outcome;
  } catch (error) {
    return explain(error, terminal);
  }
}

/** Gives a command and its own commands the program's way of printing and ending. */
function inherited(command: Command, parent: Command): Command {
  command.copyInheritedSettings(parent);
  for (const child of command.commands) inherited(child, command);
  return command;
}

function explain(error: unknown, terminal: Terminal): ExitCode {
  // Commander has printed its own message by now; help asked for is no error.
  if (error instanceof CommanderError) {
    return error.exitCode === 0 ? exitCodes.clean : exitCodes.unusable;
  }
  const { text, code } = errorOutcome(error);
  const debug = terminal.env['KERNELTWIN_DEBUG'] === '1' && error instanceof Error;
  terminal.err(`${debug ? (error.stack ?? text) : text}\n`);
  return code;
}
