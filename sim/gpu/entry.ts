import { fileURLToPath } from 'node:url';

/** Path of a process entry beside this file, whether it runs from source or compiled. */
export function entryPath(name: string): string {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return fileURLToPath(new URL(`./${name}.${extension}`, import.meta.url));
}
