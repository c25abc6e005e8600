import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The program that made a trace, as its header names it. */
export interface Producer {
  readonly name: string;
  readonly version: string;
  readonly hash: string;
}

/** Folders of sim/ whose code decides what the simulator does. */
const folders = ['actors', 'engine', 'machine', 'moe', 'policies', 'systems'];

let known: Producer | undefined;

/**
 * The simulator: its package version, and the SHA-256 of its own source files in path order, so that a trace tells which
 * code made it. Worked out once; the same checkout gives the same bytes on every machine.
 */
export function simulatorProducer(): Producer {
  known ??= { name: 'kerneltwin simulator', version: packageVersion(), hash: sourceHash() };
  return known;
}

function simFolder(): string {
  return join(dirname(fileURLToPath(import.meta.url)), '..', '..');
}

function sourceHash(): string {
  const root = simFolder();
  // A built package has .js beside the .d.ts of the same name; a checkout has only .ts.
  const own = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
  const paths = folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) =>
        `${folder}/${file}`.replaceAll('\\', '/'),
      ),
    )
    .filter((path) => path.endsWith(own) || path.endsWith('.json'))
    .sort();
  const hash = createHash('sha256');
  for (const path of paths) {
    const text = readFileSync(join(root, path), 'utf8').replaceAll('\r\n', '\n');
    hash.update(`${path}\0${text.length}\0${text}`);
  }
  return hash.digest('hex');
}

function packageVersion(): string {
  for (let folder = simFolder(); ; folder = dirname(folder)) {
    const file = join(folder, 'package.json');
    if (existsSync(file)) {
      return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
    }
    if (dirname(folder) === folder) throw new Error(`no package.json above ${simFolder()}`);
  }
}
