import { readFile, writeFile } from 'node:fs/promises';

import { decodeTrace as decode, decodeHeader } from './decode.ts';
import { encodeTrace } from './encode.ts';
import { TraceError } from './errors.ts';
import type { Trace, TraceHeader } from './trace.ts';

export { encodeTrace } from './encode.ts';

/** Ending of trace file names. */
export const traceExtension = '.ktrace.parquet';

/**
 * A trace from the bytes of a trace file.
 * @throws {TraceError} when the bytes are no trace file of this version, or what they hold is not a legal trace.
 */
export function decodeTrace(bytes: Uint8Array): Promise<Trace> {
  return decode('trace bytes', bytes);
}

/** Writes a trace file; the name should end in {@link traceExtension}. */
export async function writeTrace(file: string, trace: Trace): Promise<void> {
  await writeFile(file, encodeTrace(trace));
}

/**
 * Reads a trace file.
 * @throws {TraceError} when the file cannot be read or is not a trace of this version.
 */
export async function readTrace(file: string): Promise<Trace> {
  return decode(file, await bytesOf(file));
}

/**
 * Reads what a trace file says about itself, without decoding its events: for looking through many files.
 * @throws {TraceError} when the file cannot be read or is not a trace of this version.
 */
export async function readTraceHeader(file: string): Promise<TraceHeader> {
  return decodeHeader(file, await bytesOf(file));
}

async function bytesOf(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new TraceError(
      {
        where: file,
        what: 'trace file',
        expected: `a readable file (*${traceExtension})`,
        got: error instanceof Error ? error.message : String(error),
      },
      { cause: error },
    );
  }
}
