import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { addonPath } from '../../binding/index.ts';
import type { TraceHeader } from '../trace/trace.ts';

let known: TraceHeader['producer'] | undefined;

/** The addon that made an explored trace: its package's version and the SHA-256 of its code. Read once. */
export function explorerProducer(): TraceHeader['producer'] {
  if (known !== undefined) return known;
  const root = join(dirname(addonPath), '..', '..');
  const parsed: unknown = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const version =
    typeof parsed === 'object' && parsed !== null && 'version' in parsed
      ? String(parsed.version)
      : 'unknown';
  const hash = createHash('sha256').update(readFileSync(addonPath)).digest('hex');
  known = { name: 'kerneltwin explorer', version, hash };
  return known;
}
