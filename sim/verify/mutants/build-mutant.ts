/** Builds explorers from changed copies of the protocol headers, under build/mutants, once per content. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { threadId } from 'node:worker_threads';
import type { Edit } from './mutant.ts';

const root = packageRoot();
const cache = join(root, 'build', 'mutants');
const compiler = process.env['CXX'] ?? 'c++';

/** What does not depend on the protocol headers' bodies is compiled once. */
const commonSources = [
  'convert.cc',
  'explore_values.cc',
  'explore_world.cc',
  'explore_only.cc',
  'explorer/explorer.cc',
  'explorer/fiber.cc',
  'explorer/memory.cc',
];

function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => statSync(join(folder, name)).isFile())
    .toSorted();
}

function hashOf(parts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part).update('\0');
  return hash.digest('hex').slice(0, 16);
}

/** Folders of kernel/include/kerneltwin that the explorer compiles; the device's own change too often to rebuild for. */
const headers = ['layout', 'litmus', 'protocol', 'trace'];

const headerFolder = (base: string, name: string): string => join(base, 'kerneltwin', name);

/** Hash of every source an explorer is made of. */
function sourcesHash(): string {
  const include = join(root, 'kernel', 'include');
  const source = join(root, 'binding', 'src');
  const glue = new Set([...commonSources.map((name) => basename(name)), 'explore_values.h']);
  const named = (folder: string) => (name: string) => join(folder, name);
  const files = [
    ...headers.flatMap((name) => {
      const folder = headerFolder(include, name);
      return filesBelow(folder).map(named(folder));
    }),
    ...filesBelow(join(source, 'explorer')).map(named(join(source, 'explorer'))),
    ...filesBelow(source)
      .filter((name) => glue.has(name) || /^(convert|shape_value)/.test(name))
      .map(named(source)),
  ];
  return hashOf(files.flatMap((file) => [file, readFileSync(file, 'utf8')]));
}

function run(args: readonly string[]): Promise<void> {
  return new Promise((done, fail) => {
    execFile(compiler, args, { cwd: root, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      if (error === null) done();
      else fail(new Error(`${compiler} ${args.join(' ')} failed\n${stdout}${stderr}`));
    });
  });
}

function flags(tree: string): string[] {
  return [
    '-std=c++20',
    '-O1',
    '-DNDEBUG',
    '-fPIC',
    '-fvisibility=hidden',
    '-DNAPI_VERSION=9',
    '-DNODE_ADDON_API_CPP_EXCEPTIONS_ALL',
    ...['node-api-headers/include', 'node-addon-api'].flatMap((p) => [
      '-isystem',
      join(root, 'node_modules', p),
    ]),
    `-I${join(tree, 'src')}`,
    `-I${join(tree, 'include')}`,
  ];
}

function copySources(tree: string): void {
  mkdirSync(tree, { recursive: true });
  for (const name of headers) {
    const from = headerFolder(join(root, 'kernel', 'include'), name);
    cpSync(from, headerFolder(join(tree, 'include'), name), { recursive: true });
  }
  cpSync(join(root, 'binding', 'src'), join(tree, 'src'), { recursive: true });
}

/** Applies the edits to the copies. Throws when a text to be replaced does not occur exactly once. */
export function applyEdits(tree: string, edits: readonly Edit[]): void {
  for (const edit of edits) {
    const path = edit.file.startsWith('explorer/')
      ? join(tree, 'src', edit.file)
      : join(tree, 'include', 'kerneltwin', edit.file);
    const text = readFileSync(path, 'utf8');
    const parts = text.split(edit.from);
    if (parts.length !== 2) {
      throw new Error(
        `${edit.file}: expected one occurrence of ${JSON.stringify(edit.from)}, got ${parts.length - 1}`,
      );
    }
    writeFileSync(path, parts.join(edit.to));
  }
}

/** Builds in a folder of this thread and moves the result into place at once: several processes and threads may want it. */
async function once(target: string, build: (folder: string) => Promise<void>): Promise<string> {
  if (existsSync(target)) return target;
  const folder = `${target}.${process.pid}.${threadId}`;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await build(folder);
  try {
    renameSync(folder, target);
  } catch (error) {
    // Another was first; its result is as good.
    if (!existsSync(target)) throw error;
    rmSync(folder, { recursive: true, force: true });
  }
  return target;
}

function commonObjects(key: string): Promise<string> {
  return once(join(cache, `common-${key}`), async (folder) => {
    copySources(folder);
    for (const source of commonSources) {
      const object = join(folder, `${basename(source)}.o`);
      await run([...flags(folder), '-c', join(folder, 'src', source), '-o', object]);
    }
    rmSync(join(folder, 'src'), { recursive: true });
    rmSync(join(folder, 'include'), { recursive: true });
  });
}

/**
 * Path of an addon whose explorer was compiled with the edits applied; built when it is not there yet (seconds).
 * `name` only names the folder. Throws when an edit does not apply or the result does not compile.
 */
export async function buildMutant(name: string, edits: readonly Edit[]): Promise<string> {
  const key = sourcesHash();
  const common = await commonObjects(key);
  const mutant = hashOf([key, ...edits.flatMap((e) => [e.file, e.from, e.to])]);
  const folder = await once(join(cache, `${name}-${mutant}`), async (tree) => {
    copySources(tree);
    applyEdits(tree, edits);
    const unit = join(tree, 'unit.cc');
    const parts = ['actor', 'ghost', 'litmus', 'search', 'session', 'world', 'world_config'];
    writeFileSync(unit, parts.map((p) => `#include "explorer/${p}.cc"\n`).join(''));
    const object = join(tree, 'unit.o');
    await run([...flags(tree), '-c', unit, '-o', object]);
    // The mutant's object first: of inline functions that both have, the linker keeps the first.
    const others = commonSources.map((s) => join(common, `${basename(s)}.o`));
    await run(['-shared', '-o', join(tree, 'explorer.node'), object, ...others, '-pthread']);
    for (const part of ['src', 'include', 'unit.cc', 'unit.o']) {
      rmSync(join(tree, part), { recursive: true });
    }
  });
  return join(folder, 'explorer.node');
}
