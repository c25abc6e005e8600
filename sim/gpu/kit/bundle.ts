/**
 * Packs the GPU kit: one folder that runs this project's kernel, tests and recordings on a GPU machine without network,
 * Node or CUDA toolkit. See docs/guide/gpu-kit.md.
 *
 *   node sim/gpu/kit/bundle.ts [--out build/gpu-kit] [--with-nvshmem] [--library FILE] [--untraced FILE]
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { parseArgs } from 'node:util';

/** A library without trace code, for `gpu bench --untraced-library`; packed where there is one. */
const untracedInKit = 'build/kernel-untraced/libkerneltwin.so';

const { values } = parseArgs({
  options: {
    out: { type: 'string', default: 'build/gpu-kit' },
    'with-nvshmem': { type: 'boolean', default: false },
    library: { type: 'string', default: 'build/kernel/libkerneltwin.so' },
    untraced: { type: 'string', default: untracedInKit },
  },
});
const out = values.out;
const { library } = values;
/** Where the kit has the library, whatever it was called. */
const libraryInKit = 'build/kernel/libkerneltwin.so';
const addon = 'build/addon/kerneltwin.node';

/** Parts of NVSHMEM that ranks of one host need beside its main library. */
const nvshmemFiles = ['libnvshmem_host.so.3', 'nvshmem_bootstrap_uid.so.3'];

class KitError extends Error {}

function capture(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', maxBuffer: 1 << 26 });
}

function requireFile(file: string, remedy: string): void {
  if (!existsSync(file)) throw new KitError(`${file} is missing: ${remedy}`);
}

/** Folder of the NVSHMEM that the kernel library was linked with. */
function nvshmemFolder(): string {
  const found = /libnvshmem_host\.so\.3 => (\/\S+)/.exec(capture('ldd', [library]));
  if (found?.[1] === undefined) {
    throw new KitError(
      `${library}: its libnvshmem_host.so.3 is not found; add its folder to LD_LIBRARY_PATH`,
    );
  }
  return dirname(found[1]);
}

/** Folders of the packages that the command line needs at run time. */
function runtimePackages(): string[] {
  const listed = spawnSync('npm', ['ls', '--omit=dev', '--all', '--parseable'], {
    encoding: 'utf8',
  });
  const root = process.cwd();
  return listed.stdout
    .split('\n')
    .slice(1)
    .filter((folder) => folder !== '' && existsSync(folder))
    .map((folder) => relative(root, folder));
}

/** An archive of a folder's content; xz on all cores. */
function pack(folder: string, archive: string): void {
  execFileSync('tar', ['-C', folder, '--use-compress-program=xz -6 -T0', '-cf', archive, '.']);
}

/** Node without its symbols. Kept when the kit already has it: packing takes a minute. */
function packNode(): void {
  const node = process.execPath;
  const hash = createHash('sha256').update(readFileSync(node)).digest('hex');
  const stamp = join(out, 'node.sha256');
  const archive = join(out, 'node.tar.xz');
  if (existsSync(archive) && existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return;
  const stage = mkdtempSync(join(tmpdir(), 'kt-kit-node-'));
  try {
    mkdirSync(join(stage, 'bin'));
    const copy = join(stage, 'bin', 'node');
    execFileSync('strip', ['-o', copy, node]);
    chmodSync(copy, 0o755);
    pack(stage, archive);
    writeFileSync(stamp, hash);
  } finally {
    rmSync(stage, { recursive: true });
  }
}

function packNvshmem(): void {
  const archive = join(out, 'nvshmem.tar.xz');
  rmSync(archive, { force: true });
  if (!values['with-nvshmem']) return;
  const from = nvshmemFolder();
  const stage = mkdtempSync(join(tmpdir(), 'kt-kit-nvshmem-'));
  try {
    mkdirSync(join(stage, 'lib'));
    for (const file of nvshmemFiles) copyFileSync(join(from, file), join(stage, 'lib', file));
    pack(stage, archive);
  } finally {
    rmSync(stage, { recursive: true });
  }
}

/** Copies a file or folder of the project to the same place in the stage. */
function stageCopy(stage: string, path: string): void {
  cpSync(path, join(stage, path), { recursive: true, dereference: true });
}

function testPrograms(): string[] {
  const folder = 'build/kernel/tests';
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((file) => statSync(file).isFile() && (statSync(file).mode & 0o111) !== 0);
}

function packProject(): void {
  const stage = mkdtempSync(join(tmpdir(), 'kt-kit-app-'));
  try {
    const programs = testPrograms();
    const sources = [
      'package.json',
      'sim',
      'scenarios',
      'binding/explore.ts',
      'binding/index.ts',
      'binding/kernel.ts',
      'binding/layout.ts',
      'kernel/bench/torch_moe.py',
      'kernel/tests/with-mps.sh',
    ];
    for (const path of [...sources, addon, ...programs, ...runtimePackages()]) {
      stageCopy(stage, path);
    }
    mkdirSync(join(stage, dirname(libraryInKit)), { recursive: true });
    copyFileSync(library, join(stage, libraryInKit));
    if (existsSync(values.untraced)) {
      mkdirSync(join(stage, dirname(untracedInKit)), { recursive: true });
      copyFileSync(values.untraced, join(stage, untracedInKit));
    }
    const commit = spawnSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' });
    const facts = `kit of ${commit.stdout.trim() || 'an unknown commit'}, Node ${process.version}`;
    writeFileSync(join(stage, 'kit.txt'), `${facts}, ${programs.length} test programs\n`);
    pack(stage, join(out, 'app.tar.xz'));
  } finally {
    rmSync(stage, { recursive: true });
  }
}

function main(): void {
  requireFile('package.json', 'run from the project root');
  requireFile(library, 'run npm run build:kernel (needs nvcc)');
  requireFile(addon, 'run npm run build:addon');
  mkdirSync(out, { recursive: true });
  packNode();
  packNvshmem();
  packProject();
  copyFileSync('sim/gpu/kit/run.sh', join(out, 'run.sh'));
  chmodSync(join(out, 'run.sh'), 0o755);
  let total = 0;
  for (const name of readdirSync(out)) {
    const { size } = statSync(join(out, name));
    total += size;
    process.stdout.write(
      `${(size / 2 ** 20).toFixed(1).padStart(6)} MiB  ${join(out, basename(name))}\n`,
    );
  }
  process.stdout.write(`${(total / 2 ** 20).toFixed(1).padStart(6)} MiB  in all\n`);
}

try {
  main();
} catch (error) {
  process.stderr.write(`${error instanceof KitError ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
