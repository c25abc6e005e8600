import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';

const root = join(import.meta.dirname, '../../..');
const program = join(root, 'build/test-support/activation_test');

beforeAll(() => {
  mkdirSync(join(root, 'build/test-support'), { recursive: true });
  const kernel = join(root, 'kernel');
  const flags = ['-std=c++20', '-O2', '-Wall', '-Wextra', '-Werror', '-Wno-unknown-pragmas'];
  const includes = [`-I${kernel}/tests/activation`, `-I${kernel}/include`];
  const source = `${kernel}/tests/activation/activation_test.cc`;
  execFileSync(process.env['CXX'] ?? 'c++', [...flags, ...includes, source, '-o', program]);
}, 60_000);

test("the kernel's activation functions keep their error bounds in both tails", () => {
  const { stdout, status } = spawnSync(program, [], { encoding: 'utf8', timeout: 60_000 });
  const lines = stdout.trim().split('\n');
  expect(lines.filter((line) => !line.startsWith('PASS '))).toEqual([]);
  expect([lines.length, status]).toEqual([6, 0]);
}, 60_000);
