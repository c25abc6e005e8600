/**
 * Builds the addon to build/addon/kerneltwin.node: with CMake where it is installed, otherwise with the C++ compiler
 * alone, from the same list of sources. Does nothing when the addon is newer than everything it is made of.
 *
 *   node binding/build.ts [--force] [--compiler] [--strict]
 *
 * --force: build in any case; --compiler: do without CMake; --strict: warnings are errors
 */
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, '..');
const outDir = join(root, 'build', 'addon');
const output = join(outDir, 'kerneltwin.node');
const packages = ['node-api-headers/include', 'node-addon-api'].map((p) =>
  join(root, 'node_modules', p),
);
const force = process.argv.includes('--force');
const strict = process.argv.includes('--strict');
const compiler = process.env['CXX'] ?? 'c++';

/** Same meaning as in CMakeLists.txt; kept beside each other so that a change to one is seen against the other. */
const defines = ['-DNAPI_VERSION=9', '-DNODE_ADDON_API_CPP_EXCEPTIONS_ALL'];
const warnings = ['-Wall', '-Wextra', ...(strict ? ['-Werror'] : [])];
const visibility = ['-fPIC', '-fvisibility=hidden', '-fvisibility-inlines-hidden'];
const includes = [`-I${join(here, 'src')}`, `-I${join(root, 'kernel', 'include')}`];
const optimise = ['-std=c++20', '-O3', '-DNDEBUG', '-pthread'];
const compileFlags = [
  ...optimise,
  ...visibility,
  ...warnings,
  ...defines,
  ...packages.flatMap((p) => ['-isystem', p]),
  ...includes,
];
const linkFlags =
  process.platform === 'darwin' ? ['-undefined', 'dynamic_lookup'] : ['-ldl', '-pthread'];

function sources(): string[] {
  const lines = readFileSync(join(here, 'sources.txt'), 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => join(here, line));
}

/** Newest modification time below the paths, milliseconds. */
function newest(paths: readonly string[]): number {
  let latest = 0;
  for (const path of paths) {
    const stat = statSync(path);
    const time = stat.isDirectory()
      ? newest(readdirSync(path).map((name) => join(path, name)))
      : stat.mtimeMs;
    latest = Math.max(latest, time);
  }
  return latest;
}

function upToDate(): boolean {
  if (!existsSync(output)) return false;
  const inputs = ['src', 'sources.txt', 'CMakeLists.txt', 'build.ts'].map((name) =>
    join(here, name),
  );
  return statSync(output).mtimeMs >= newest([...inputs, join(root, 'kernel', 'include')]);
}

function works(program: string, args: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

/** CMake 3.25 or newer with something to drive. */
function cmakeUsable(): boolean {
  const asked = spawnSync('cmake', ['--version'], { encoding: 'utf8' });
  const version = /version (\d+)\.(\d+)/.exec(asked.stdout ?? '');
  if (asked.status !== 0 || version === null) return false;
  const recent = Number(version[1]) > 3 || (Number(version[1]) === 3 && Number(version[2]) >= 25);
  return recent && (works('make', ['--version']) || works('ninja', ['--version']));
}

function run(program: string, args: readonly string[]): Promise<void> {
  return new Promise((done, fail) => {
    execFile(program, args, { cwd: root, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error === null) return done();
      fail(new Error(`${program} failed (${error.code ?? error.signal})\n${stdout}${stderr}`));
    });
  });
}

async function buildWithCmake(): Promise<string> {
  const tree = join(outDir, 'cmake');
  await run('cmake', [
    '-S',
    here,
    '-B',
    tree,
    '-DCMAKE_BUILD_TYPE=Release',
    `-DKERNELTWIN_STRICT=${strict ? 'ON' : 'OFF'}`,
  ]);
  await run('cmake', ['--build', tree, '--parallel', String(availableParallelism())]);
  return join(tree, 'kerneltwin.node');
}

/** An object file and the make rule beside it, in which the compiler named everything it read. */
interface Unit {
  readonly source: string;
  readonly object: string;
  readonly rule: string;
}

/** Whether an object is newer than all it was made from, as the compiler itself listed it. */
function current({ object, rule }: Unit): boolean {
  if (!existsSync(object) || !existsSync(rule)) return false;
  const [, listed = ''] = readFileSync(rule, 'utf8').replaceAll('\\\n', ' ').split(/: /, 2);
  const inputs = listed.split(/\s+/).filter((path) => path !== '');
  return inputs.every((path) => existsSync(path)) && statSync(object).mtimeMs >= newest(inputs);
}

async function buildWithCompiler(): Promise<string> {
  // Objects of other flags are other objects.
  const key = createHash('sha256')
    .update([compiler, ...compileFlags].join('\n'))
    .digest('hex');
  const objects = join(outDir, `objects-${key.slice(0, 8)}`);
  mkdirSync(objects, { recursive: true });
  const units = sources().map((source): Unit => {
    const base = join(objects, relative(here, source).replaceAll(sep, '_'));
    return { source, object: `${base}.o`, rule: `${base}.d` };
  });
  const waiting = units.filter((unit) => force || !current(unit));
  const worker = async (): Promise<void> => {
    for (let unit = waiting.shift(); unit !== undefined; unit = waiting.shift()) {
      const { source, object, rule } = unit;
      await run(compiler, [...compileFlags, '-MMD', '-MF', rule, '-c', source, '-o', object]);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  const linked = join(objects, 'kerneltwin.node');
  await run(compiler, ['-shared', '-o', linked, ...units.map((unit) => unit.object), ...linkFlags]);
  return linked;
}

function requireTools(): void {
  const missing = packages.find((path) => !existsSync(path));
  if (missing !== undefined) throw new Error(`${missing} is missing: run npm install first`);
  if (!works(compiler, ['--version'])) {
    throw new Error(
      `no C++ compiler: '${compiler} --version' failed; install g++ or clang, or set CXX`,
    );
  }
}

async function main(): Promise<void> {
  if (!force && upToDate()) return;
  requireTools();
  mkdirSync(outDir, { recursive: true });
  const withCmake = !process.argv.includes('--compiler') && cmakeUsable();
  const built = await (withCmake ? buildWithCmake() : buildWithCompiler());
  // CMake leaves an up-to-date library alone, so its time may be older than a header this addon does not include:
  // a fresh copy, moved into place at once, keeps both the staleness rule and readers simple.
  const staged = join(outDir, `kerneltwin.${process.pid}.node`);
  await run('cp', [built, staged]);
  renameSync(staged, output);
  process.stderr.write(`built ${output} with ${withCmake ? 'CMake' : compiler}\n`);
}

try {
  await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
