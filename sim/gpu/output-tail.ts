import type { Readable } from 'node:stream';

const keptLines = 30;
const keptLineLength = 500;

/** The last lines a process wrote, for messages about its end. */
export class OutputTail {
  readonly #lines: string[] = [];
  #open = '';

  follow(stream: Readable | null): void {
    stream?.setEncoding('utf8');
    stream?.on('data', (chunk: string) => this.#take(chunk));
  }

  text(): string {
    const open = this.#open === '' ? [] : [this.#open];
    return [...this.#lines, ...open].join('\n');
  }

  #take(chunk: string): void {
    const parts = (this.#open + chunk).split('\n');
    this.#open = (parts.pop() ?? '').slice(0, keptLineLength);
    for (const part of parts) this.#lines.push(part.slice(0, keptLineLength));
    this.#lines.splice(0, Math.max(0, this.#lines.length - keptLines));
  }
}
