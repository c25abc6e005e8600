import type { GemmLine, KernelData } from './kernel-data.ts';
import { markdownTable } from './markdown-table.ts';

/** Tensor peak that shares are of, TFLOP/s; benches carry it. */
function tensorPeak(data: KernelData): number {
  return data.benches[0]?.bench.peaks.tensorTflops ?? Number.NaN;
}

/** Sections about the kernel's parts: the GEMM pipeline alone, and what the builds take of an SM. */
export function kernelExtras(data: KernelData): readonly string[] {
  return [gemmSection(data), resourceSection(data)];
}

function gemmSection(data: KernelData): string {
  const { gemm } = data;
  if (gemm === null) return '';
  const best = new Map<string, GemmLine>();
  for (const line of gemm.lines) {
    const { tokens, hidden, intermediate, experts, topK, mergedMs } = line;
    const name = [tokens, hidden, intermediate, experts, topK].join(' / ');
    if (mergedMs < (best.get(name)?.mergedMs ?? Number.POSITIVE_INFINITY)) best.set(name, line);
  }
  const wrong = gemm.lines.filter(({ correct }) => !correct).length;
  const rows = [...best].map(([name, line]) => {
    const tflops = line.flops / line.mergedMs / 1e9;
    return [
      name,
      line.tile,
      line.gemm0Ms.toFixed(4),
      line.gemm1Ms.toFixed(4),
      line.mergedMs.toFixed(4),
      tflops.toFixed(1),
      `${((100 * tflops) / tensorPeak(data)).toFixed(1)} %`,
    ];
  });
  const columns = [
    'S / H / I / E / k',
    'tile (columns x tokens x stages)',
    'GEMM0, ms',
    'GEMM1, ms',
    'one launch, ms',
    'TFLOP/s',
    'of the peak',
  ];
  return `## The GEMM pipeline alone

\`${gemm.command}\` (${gemm.machine}, ${gemm.date}): grouped GEMM0 and GEMM1 without the rest of the layer, random routing and
inputs, checked against fp64 in the same run (${wrong === 0 ? 'all right' : `**${wrong} wrong**`}). Best tile of each shape.

${markdownTable(columns, rows)}`;
}

/** Why the put transport has a frame. */
const putFrame = [
  'The frame of forwardPut holds no variable: NVSHMEM\u2019s put-with-signal is compiled apart, and the twelve registers of a call',
  'hold seven of its eight arguments. It is written only where a put does not go through memory that both ranks map.',
].join('\n');

function resourceSection(data: KernelData): string {
  const { resources } = data;
  if (resources === null) return '';
  const shared = sharedBytes(data);
  const rows = resources.map((r) => [
    r.kernel,
    String(r.registers),
    shared.get(r.kernel)?.toString() ?? '\u2013',
    String(r.stackBytes),
    `${r.spillStores}, ${r.spillLoads}`,
  ]);
  const columns = ['kernel', 'registers a thread', 'shared bytes a block', 'stack bytes', 'spills'];
  const frame = resources.some((r) => r.kernel === 'forwardPut' && r.stackBytes > 0);
  return `## Resources of each build

What ptxas reported (\`node kernel/tools/results.ts resources\`); shared memory as the launches above had it.
${frame ? `${putFrame}\n` : ''}
${markdownTable(columns, rows)}`;
}

/** Shared bytes by the resource report's name of a kernel, e.g. `forwardWgmma 128x288`, as far as launches tell. */
function sharedBytes(data: KernelData): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const { bench } of data.benches) {
    for (const entry of bench.entries) {
      if (entry.state !== 'measured') continue;
      const { gemm, tile, world } = entry.result;
      const start = gemm === 'mma' ? 'forwardDirect' : `forwardWgmma ${tile.cols}x${tile.rows}`;
      const kernel = data.resources?.find((r) => `${r.kernel}x`.startsWith(`${start}x`))?.kernel;
      if (kernel !== undefined) found.set(kernel, world.sharedBytes);
    }
  }
  return found;
}
