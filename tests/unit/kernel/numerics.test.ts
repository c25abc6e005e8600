import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const out = join(root, 'build/test-support');

/** Path of a program made of one file of kernel/tests. */
function build(source: string, name: string): string {
  mkdirSync(out, { recursive: true });
  const tests = join(root, 'kernel/tests');
  const flags = ['-std=c++20', '-O2', '-Wall', '-Wextra', '-Werror', '-Wno-unknown-pragmas'];
  const includes = [`-I${tests}/activation`, `-I${root}/kernel/include`];
  const program = join(out, name);
  execFileSync(process.env['CXX'] ?? 'c++', [
    ...flags,
    ...includes,
    join(tests, source),
    '-o',
    program,
  ]);
  return program;
}

const programs = {
  activation: () => build('activation/activation_test.cc', 'activation_test'),
  element: () => build('element_test.cc', 'element_test'),
};
const built: Record<string, string> = {};

beforeAll(() => {
  for (const [name, make] of Object.entries(programs)) built[name] = make();
}, 60_000);

test.each([
  ["the kernel's activation functions keep their error bounds in both tails", 'activation', 6],
  ['every fp16 number and every rounding of the host is right', 'element', 1],
])(
  '%s',
  (_, name, passes) => {
    const { stdout, status } = spawnSync(built[name]!, [], { encoding: 'utf8', timeout: 60_000 });
    const lines = stdout.trim().split('\n');
    expect(lines.filter((line) => !line.startsWith('PASS '))).toEqual([]);
    expect([lines.length, status]).toEqual([passes, 0]);
  },
  60_000,
);
