import type { Terminal } from './terminal.ts';

/** A line of progress: seen on a terminal, silent elsewhere. */
export interface Progress {
  /** Says what is being done now; `share` between 0 and 1 adds a percentage. */
  step(text: string, share?: number): void;
  /** Takes the line away. */
  done(): void;
}

/** Starts a progress line on `err`. */
export function startProgress(terminal: Terminal): Progress {
  if (!terminal.interactive) return { step: () => {}, done: () => {} };
  let shown = '';
  const show = (text: string): void => {
    if (text === shown) return;
    terminal.err(`\r\u001b[2K${text}`);
    shown = text;
  };
  return {
    step: (text, share) =>
      show(share === undefined ? `${text} ...` : `${text} ... ${Math.floor(share * 100)} %`),
    done: () => show(''),
  };
}
