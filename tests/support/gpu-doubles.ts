import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { kernelDouble } from './kernel-double.ts';

/** Doubles of the kernel library and of NVIDIA's MPS control program, set up through the environment. */
export interface GpuDoubles {
  readonly library: string;
  /** What MPS was asked, in order: "start <process> <pipe folder>", "quit". */
  journal(): string[];
  /** Process IDs of the MPS doubles' daemons that still run. */
  daemons(): number[];
  restore(): void;
}

/**
 * @param kernel what the kernel's double is to do wrong (its KT_DOUBLE)
 * @param mps what the MPS double is to do wrong: refuse, stubborn
 */
export function gpuDoubles(kernel = '', mps = ''): GpuDoubles {
  const folder = mkdtempSync(join(tmpdir(), 'kt-doubles-'));
  const journalFile = join(folder, 'journal');
  const before = { ...process.env };
  process.env['KT_DOUBLE'] = kernel;
  process.env['KT_MPS_DOUBLE'] = mps;
  process.env['KT_MPS_JOURNAL'] = journalFile;
  const doubles = join(process.cwd(), 'tests', 'support', 'mps-double');
  process.env['PATH'] = `${doubles}${delimiter}${before['PATH'] ?? ''}`;
  const journal = (): string[] =>
    existsSync(journalFile) ? readFileSync(journalFile, 'utf8').trim().split('\n') : [];
  return {
    library: kernelDouble(),
    journal,
    daemons: () => {
      const started = journal().filter((line) => line.startsWith('start '));
      return started.map((line) => Number(line.split(' ')[1])).filter(runs);
    },
    restore: () => {
      for (const name of ['KT_DOUBLE', 'KT_MPS_DOUBLE', 'KT_MPS_JOURNAL', 'PATH']) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Whether a process still does anything; one that ended but was not waited for does not. */
export function runs(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}
