import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { join } from 'node:path';

const source = 'tests/support/kernel-double/kernel_double.cc';
const folder = 'build/test-support';

function newest(path: string): number {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/** Path of the compiled double of the kernel library; compiles it when its sources changed. */
export function kernelDouble(): string {
  const library = join(process.cwd(), folder, 'libkernel_double.so');
  const inputs = Math.max(newest(source), newest('kernel/include'));
  if (existsSync(library) && statSync(library).mtimeMs >= inputs) return library;
  mkdirSync(folder, { recursive: true });
  const staged = `${library}.${process.pid}`;
  const flags = [
    '-std=c++20',
    '-O1',
    '-shared',
    '-fPIC',
    '-Wall',
    '-Wextra',
    '-pthread',
    '-Ikernel/include',
  ];
  execFileSync(process.env['CXX'] ?? 'c++', [...flags, '-o', staged, source], { stdio: 'inherit' });
  renameSync(staged, library);
  return library;
}
