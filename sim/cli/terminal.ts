import { exitCodes } from './outcome.ts';

/** Where a command writes and what may interrupt it. Commands never touch `process` themselves, so tests can run them. */
export interface Terminal {
  /** Results. */
  out(text: string): void;
  /** Progress, notes and errors. */
  err(text: string): void;
  /** True where a person watches `err`: progress lines may overwrite themselves there. */
  readonly interactive: boolean;
  /** Aborts on Ctrl-C. */
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The terminal of this process. The first Ctrl-C asks the command to stop, the second ends the process. */
export function processTerminal(): Terminal {
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    // The reader has seen enough (`kerneltwin check ... | head`).
    if (error.code !== 'EPIPE') throw error;
    process.exit(exitCodes.clean);
  });
  return {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    interactive: process.stderr.isTTY,
    signal: interrupt.signal,
    env: process.env,
  };
}
