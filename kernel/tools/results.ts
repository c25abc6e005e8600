/**
 * Takes what was measured of the kernel into docs/results/kernel-*.json, from which `npm run results` makes kernel.md.
 *
 *   node kernel/tools/results.ts bench FILE [--name ranks]   what `kerneltwin gpu bench --out FILE` wrote; --name: beside
 *                                                            another bench, as kernel-bench-ranks.json
 *   node kernel/tools/results.ts cases FILE [LITMUS]         what gpu_cases printed, and perhaps litmus
 *   node kernel/tools/results.ts gemm FILE                   what `gemm_tile --json FILE` wrote
 *   node kernel/tools/results.ts resources [BUILD]           what ptxas reported of build/kernel
 *
 * Options: --into FOLDER (docs/results), --machine TEXT, --date YYYY-MM-DD and --command TEXT of cases and gemm.
 * Exit code 2: the input is not that; 1: it is, but says that something is wrong.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { BenchFile } from '../../sim/cli/bench-file.ts';
import { benchProblem, type GemmLine, type KernelResources } from '../../sim/cli/kernel-data.ts';
import { casesOf } from './cases.ts';

const root = join(import.meta.dirname, '..', '..');
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    into: { type: 'string', default: join(root, 'docs', 'results') },
    machine: { type: 'string', default: 'one NVIDIA H200' },
    date: { type: 'string', default: new Date().toISOString().slice(0, 10) },
    command: { type: 'string' },
    name: { type: 'string' },
  },
});
const [kind = '', file = '', second] = positionals;

class InputError extends Error {}

function put(name: string, value: unknown): void {
  const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ');
  // Lists of numbers, and objects that hold no other, on a line each.
  const text = JSON.stringify(value, null, 1)
    .replaceAll(/\[[\s\d.,e+-]*\]/g, oneLine)
    .replaceAll(/\{[^{}]*\}/g, oneLine);
  const target = join(values.into, name);
  writeFileSync(target, `${text}\n`);
  process.stdout.write(`${target}\n`);
}

function bench(): void {
  const measured = JSON.parse(readFileSync(file, 'utf8')) as BenchFile;
  const problem = benchProblem(measured);
  if (problem !== null) throw new InputError(`${file}: ${problem}`);
  put(
    values.name === undefined ? 'kernel-bench.json' : `kernel-bench-${values.name}.json`,
    measured,
  );
}

function cases(): void {
  const litmus = second === undefined ? null : readFileSync(second, 'utf8');
  const found = casesOf(readFileSync(file, 'utf8'), litmus);
  if (found.runs.length === 0) throw new InputError(`${file}: no line "N passed, N failed"`);
  const { machine, date, command = 'gpu-kit/run.sh out' } = values;
  put('kernel-cases.json', { machine, date, command, ...found });
  if (found.runs.some(({ failed }) => failed > 0)) process.exitCode = 1;
}

function gemm(): void {
  const text = readFileSync(file, 'utf8').trim();
  const lines = text.split('\n').map((line) => JSON.parse(line) as GemmLine);
  if (lines.some(({ mergedMs }) => !(mergedMs > 0))) {
    throw new InputError(`${file}: expected lines of gemm_tile --json`);
  }
  const { machine, date, command = 'gemm_tile --json FILE' } = values;
  put('kernel-gemm.json', { machine, date, command, lines });
  if (lines.some(({ correct }) => !correct)) process.exitCode = 1;
}

const kernelLine =
  /^(.+?) +(\d+) registers +(\d+) bytes stack +(\d+) spill stores +(\d+) spill loads/;

/** The fused kernels; the reference's and the fills' are not what is launched. */
function resources(): void {
  const build = file === '' ? join(root, 'build', 'kernel') : file;
  const script = join(root, 'kernel', 'cmake', 'resource-report.sh');
  const report = spawnSync('sh', [script, build], { encoding: 'utf8' });
  const kernels = report.stdout.split('\n').flatMap((text): KernelResources[] => {
    const [, kernel = '', ...numbers] = kernelLine.exec(text) ?? [];
    if (!kernel.startsWith('forward')) return [];
    const [registers = 0, stackBytes = 0, spillStores = 0, spillLoads = 0] = numbers.map(Number);
    return [{ kernel, registers, stackBytes, spillStores, spillLoads }];
  });
  if (kernels.length === 0) {
    throw new InputError(`${build}: no kernel was reported\n${report.stdout}${report.stderr}`);
  }
  put(
    'kernel-resources.json',
    kernels.sort((a, b) => (a.kernel < b.kernel ? -1 : 1)),
  );
  process.exitCode = report.status ?? 1;
}

const kinds: Readonly<Record<string, () => void>> = { bench, cases, gemm, resources };
try {
  const take = kinds[kind];
  if (take === undefined) {
    throw new InputError(`expected one of ${Object.keys(kinds).join(', ')}, got '${kind}'`);
  }
  take();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 2;
}
