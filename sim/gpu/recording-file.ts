/**
 * A recording as a file: everything a run on the GPU gave, before any of it was interpreted. Time on a GPU is dear, so
 * a run whose trace cannot be made is kept and made into a trace later.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { deserialize, serialize } from 'node:v8';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { GpuRecording } from './record.ts';

const format = 'kerneltwin recording 1';

/** Writes a recording; readable by the same version of Node and of this project. */
export function writeRecording(file: string, recording: GpuRecording): void {
  writeFileSync(file, gzipSync(serialize({ format, recording })));
}

/** Reads a recording. Throws when the file is something else. */
export function readRecording(file: string): GpuRecording {
  const read: unknown = deserialize(gunzipSync(readFileSync(file)));
  const held = read as { format?: unknown; recording: GpuRecording } | null;
  if (held?.format !== format) {
    throw new Error(
      `${file}: expected a file of format '${format}', got '${String(held?.format)}'`,
    );
  }
  return held.recording;
}
