import { type BenchEntry, type BenchFile, benchFigures, costText } from './bench-file.ts';
import { textTable } from './text-table.ts';

const absent = '-';

const head = [
  'S/H/I/E/k',
  'ranks',
  'tile',
  'ms',
  'min',
  'p95',
  'GPU ms',
  'TFLOP/s',
  'bound',
  'roofline',
  'rel. error',
  'unwritten',
  'ops',
  'torch ms',
  'torch GPU ms',
  'torch ops',
  'times',
];

/** The table that `gpu bench` prints, with what it means below. */
export function benchText(file: BenchFile): string {
  const table = textTable(head, file.entries.map(row));
  const notes = file.entries.flatMap(notesOf);
  const emulated = file.emulated
    ? ['the library ran on the emulated GPU: outputs were judged, nothing was timed']
    : [];
  const peaks = `roofline: ${file.peaks.tensorTflops.toFixed(0)} TFLOP/s, ${file.peaks.memoryTbPerS} TB/s (${file.peaks.machine})`;
  return `${table}\n${[...emulated, peaks, ...notes].join('\n')}\n`;
}

function row(entry: BenchEntry): readonly string[] {
  const name = [entry.name, String(entry.ranks)];
  if (entry.state !== 'measured') return [...name, entry.state];
  const { result, baseline } = entry;
  const f = benchFigures(entry);
  const { check, tile } = result;
  const events = (result.timings.off ?? result.timings.on)?.events;
  const torch = baseline === null || 'error' in baseline ? null : baseline;
  return [
    ...name,
    `${tile.rows}x${tile.cols}`,
    fixed(f.ms, 4),
    f.ms === null ? absent : fixed(events?.min ?? null, 4),
    f.ms === null ? absent : fixed(events?.p95 ?? null, 4),
    fixed(f.gpuMs, 4),
    fixed(f.tflops, 0),
    result.roofline.bound,
    f.share === null ? absent : `${(100 * f.share).toFixed(1)}%`,
    check.relativeError.toExponential(1),
    String(check.unwritten),
    String(result.operations),
    fixed(f.torchMs, 4),
    fixed(f.torchGpuMs, 4),
    torch?.operations?.toString() ?? absent,
    f.speedup === null ? absent : f.speedup.toFixed(2),
  ];
}

function notesOf(entry: BenchEntry): string[] {
  const where = `${entry.name}, ${entry.ranks === 1 ? '1 rank' : `${entry.ranks} ranks`}`;
  if (entry.state === 'failed') return [`${where}: ${entry.problem}`];
  if (entry.state === 'no time left') return [];
  const { result, baseline } = entry;
  const { tracing, untraced, check } = result;
  const notes = check.problems.map((problem) => `${where}: WRONG: ${problem}`);
  if (baseline !== null && 'error' in baseline) notes.push(`${where}: torch: ${baseline.error}`);
  if (tracing !== null && benchFigures(entry).ms !== null) {
    const { events, gpu } = tracing;
    notes.push(`${where}: tracing costs ${costText(events)}, GPU alone ${costText(gpu)}`);
  }
  if (untraced !== null && benchFigures(entry).ms !== null) {
    const { events, gpu } = untraced.offCosts;
    notes.push(`${where}: off it costs ${costText(events)}, GPU alone ${costText(gpu)}`);
  }
  if (check.lostRecords > 0) {
    notes.push(`${where}: ${check.lostRecords} trace records found their ring full`);
  }
  return notes;
}

function fixed(value: number | null, digits: number): string {
  return value === null ? absent : value.toFixed(digits);
}
