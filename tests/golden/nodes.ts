// Runs the golden seeds on several versions of Node and on threads, and compares: `npm run golden:nodes [-- 20 22 24]`.
// Each version comes from npm, package node@<version>, into build/nodes. Exits 1 when a hash differs from traces.json.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..', '..');
const compiled = join(root, 'build', 'golden');
const expected = readFileSync(join(import.meta.dirname, 'traces.json'), 'utf8');

function nodeOf(version: string): string {
  const folder = join(root, 'build', 'nodes', version);
  const program = join(folder, 'node_modules', 'node', 'bin', 'node');
  if (!existsSync(program)) {
    mkdirSync(folder, { recursive: true });
    const manifest = { private: true, allowScripts: { node: true } };
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    execFileSync('npm', ['install', '--no-audit', '--no-fund', `node@${version}`], {
      cwd: folder,
      stdio: 'inherit',
    });
  }
  return program;
}

const tsc = join(root, 'node_modules', '.bin', 'tsc');
execFileSync(process.execPath, [tsc, '-p', join(import.meta.dirname, 'tsconfig.json')], {
  stdio: 'inherit',
});
// The compiled code reads its package's version.
writeFileSync(join(compiled, 'package.json'), readFileSync(join(root, 'package.json')));
const versions = process.argv.length > 2 ? process.argv.slice(2) : ['20', '22', '24'];
for (const version of versions) {
  const program = nodeOf(version);
  const exact = execFileSync(program, ['--version'], { encoding: 'utf8' }).trim();
  for (const flags of [[], ['--threads', '3']]) {
    const script = join(compiled, 'tests', 'golden', 'print.js');
    const text = execFileSync(program, [script, ...flags], { encoding: 'utf8' });
    const same = text === expected;
    const how = flags.length === 0 ? 'one thread' : 'three threads, a shard each';
    process.stdout.write(`Node ${exact}, ${how}: ${same ? 'identical' : 'DIFFERENT'}\n`);
    if (!same) process.exitCode = 1;
  }
}
