// Regenerates the constants TypeScript shares with the kernel headers; `--check` only compares.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const outputs = [
  ['events', 'sim/trace/generated/events.ts'],
  ['layout', 'sim/moe/generated/layout.ts'],
] as const;

const check = process.argv.includes('--check');
const work = mkdtempSync(join(tmpdir(), 'kerneltwin-generate-'));
try {
  const program = join(work, 'generate_constants');
  const compiler = process.env['CXX'] ?? 'c++';
  execFileSync(
    compiler,
    [
      '-std=c++20',
      '-O1',
      '-Wall',
      '-Wextra',
      '-Werror',
      '-Ikernel/include',
      '-o',
      program,
      'kernel/tools/generate_constants.cc',
    ],
    { stdio: 'inherit' },
  );
  for (const [part, file] of outputs) {
    const text = execFileSync(program, [part], { encoding: 'utf8' });
    if (!check) writeFileSync(file, text);
    else if (readFileSync(file, 'utf8') !== text) {
      console.error(`${file} differs from the headers: run npm run generate`);
      process.exitCode = 1;
    }
  }
} finally {
  rmSync(work, { recursive: true });
}
