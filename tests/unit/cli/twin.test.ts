import { copyFileSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { epochStates } from '../../../sim/moe/generated/layout.ts';
import { EventKind } from '../../../sim/trace/generated/events.ts';
import { readTrace, writeTrace } from '../../../sim/trace/store.ts';
import type { Trace } from '../../../sim/trace/trace.ts';
import { inFolder, run } from './run-in-process.ts';

const small = 'scenarios/small.yaml';
const noGpu = 'no recorded GPU trace for this scenario: the GPU half was not compared';

interface TwinJson {
  readonly clean: boolean;
  readonly gpu: { readonly from: string; readonly check: { readonly clean: boolean } } | null;
  readonly reason?: string;
  readonly comparison: { readonly taskSets: { readonly matched: boolean } } | null;
  readonly files: readonly string[];
}

/** Launches before the first recorded one: whole cycles of epoch states, so that the flags' states stay right. */
const warmUps = 2 * epochStates;

/** A trace of the same scenario as a GPU would leave it: another source, and launch numbers after some warm-ups. */
function asGpu(trace: Trace): Trace {
  const { events, header } = trace;
  return {
    header: { ...header, source: 'gpu', firstLaunch: warmUps },
    events: {
      ...events,
      launch: events.launch.map((launch) => launch + warmUps),
      a: events.a.map((a, row) => (events.kind[row] === EventKind.LaunchBegin ? a + warmUps : a)),
    },
  };
}

describe('twin without a GPU trace', () => {
  // A seed that no recorded trace has.
  const args = ['twin', small, '--seed', '987654321'];

  it('writes traces, comparison and report, says what was not compared, and is clean', async () => {
    await inFolder(async (folder) => {
      const { code, out, err } = await run([...args, '--out', folder]);
      expect({ code, err }).toEqual({ code: 0, err: '' });
      expect(out).toContain(noGpu);
      expect(out).toContain(`report: ${join(folder, 'report.html')}`);
      expect(out).toMatch(/checks, simulator: \d+ held/);
      expect(readdirSync(folder).sort()).toEqual([
        'comparison.json',
        'durations.svg',
        'report.html',
        'run.json',
        'simulated.ktrace.parquet',
        'timeline.svg',
        'utilisation.svg',
      ]);
      expect(readFileSync(join(folder, 'report.html'), 'utf8')).toContain(noGpu);
    });
  });

  it('has gpu: null with the reason in its JSON', async () => {
    await inFolder(async (folder) => {
      const { out } = await run([...args, '--out', folder, '--json']);
      const result = JSON.parse(out) as TwinJson;
      expect(result).toMatchObject({ clean: true, gpu: null, comparison: null });
      expect(result.reason).toContain(noGpu);
      expect(JSON.parse(readFileSync(join(folder, 'comparison.json'), 'utf8'))).toEqual(result);
    });
  });

  it('is silent on a pipe and shows progress to a person, leaving nothing of it behind', async () => {
    await inFolder(async (folder) => {
      const quiet = await run([...args, '--out', folder]);
      const watched = await run([...args, '--out', folder], { interactive: true });
      expect(quiet.err).toBe('');
      expect(watched.err).toContain('simulating small');
      expect(watched.err.endsWith('\u001b[2K')).toBe(true);
      expect(watched.out).toBe(quiet.out);
    });
  });
});

describe('twin with a trace', () => {
  async function measuredTrace(folder: string, change: (trace: Trace) => Trace): Promise<string> {
    const simulated = join(folder, 'simulated.ktrace.parquet');
    await run(['simulate', small, '--trace', simulated]);
    const file = join(folder, 'given.ktrace.parquet');
    await writeTrace(file, change(await readTrace(simulated)));
    return file;
  }

  it('compares every launch of the scenario and finds the same work', async () => {
    await inFolder(async (folder) => {
      const trace = await measuredTrace(folder, asGpu);
      const out = join(folder, 'run');
      const ran = await run(['twin', small, '--trace', trace, '--out', out]);
      expect(ran).toMatchObject({ code: 0, err: '' });
      expect(ran.out).toMatch(/makespan, median +(\S+ \S+) +\1 +0\.0 %/);
      expect(ran.out).toContain('figures over launch 0 to 5 of the scenario');
      expect(ran.out).toContain('same work: ');
      expect(ran.out).toMatch(/checks, GPU: \d+ held/);
      expect(existsSync(join(out, 'measured.ktrace.parquet'))).toBe(true);
    });
  });

  it('draws the same report again from the folder', async () => {
    await inFolder(async (folder) => {
      const trace = await measuredTrace(folder, asGpu);
      const out = join(folder, 'run');
      await run(['twin', small, '--trace', trace, '--out', out]);
      const page = readFileSync(join(out, 'report.html'), 'utf8');
      const ran = await run(['report', out]);
      expect(ran.code).toBe(0);
      expect(readFileSync(join(out, 'report.html'), 'utf8')).toBe(page);
    });
  });

  it('refuses a trace of another scenario', async () => {
    await inFolder(async (folder) => {
      const trace = await measuredTrace(folder, asGpu);
      const ran = await run(['twin', small, '--seed', '7', '--trace', trace, '--out', folder]);
      expect(ran.code).toBe(2);
      expect(ran.err).toMatch(/different scenarios: expected scenario hash \w+ .*got \w+/);
    });
  });

  it('refuses a trace whose scenario is not the one that its hash names', async () => {
    await inFolder(async (folder) => {
      const trace = await measuredTrace(folder, ({ header, events }) => ({
        header: { ...header, scenario: { ...(header.scenario as object), seed: 43 } },
        events,
      }));
      const ran = await run(['check', trace]);
      expect(ran.code).toBe(2);
      expect(ran.err).toMatch(/header field scenarioHash: expected \w{64}.*got \w{64}/);
    });
  });

  it('fails on a trace that breaks an invariant, and names it', async () => {
    await inFolder(async (folder) => {
      const trace = await measuredTrace(folder, (good) => withoutLastFinish(asGpu(good)));
      const out = join(folder, 'run');
      const ran = await run(['twin', small, '--trace', trace, '--out', out]);
      expect(ran.code).toBe(1);
      expect(ran.out).toMatch(/S1 violated in launch 13 at .*rank \d/);
      expect(ran.out).toMatch(/the halves did not do the same work \(differences: 1\)/);
      const checked = await run(['check', trace]);
      expect(checked.code).toBe(1);
    });
  });
});

describe('simulate', () => {
  it('gives the same bytes for the same seed, and others for another', async () => {
    await inFolder(async (folder) => {
      const files = ['a', 'b', 'c'].map((name) => join(folder, `${name}.ktrace.parquet`));
      const [a = '', b = '', c = ''] = files;
      await run(['simulate', small, '--trace', a]);
      await run(['simulate', small, '--trace', b]);
      await run(['simulate', small, '--trace', c, '--seed', '1']);
      expect(readFileSync(a).equals(readFileSync(b))).toBe(true);
      expect(readFileSync(a).equals(readFileSync(c))).toBe(false);
    });
  });

  it('keeps the launches that were finished when it is interrupted', async () => {
    await inFolder(async (folder) => {
      const file = join(folder, 'part.ktrace.parquet');
      const interrupt = new AbortController();
      setTimeout(() => interrupt.abort(), 1500);
      const args = ['simulate', small, '--set', 'launches=20000', '--trace', file];
      const ran = await run(args, { signal: interrupt.signal });
      expect(ran.code).toBe(130);
      expect(ran.err).toMatch(/interrupted (after \d+ of 20000 launches|before the first)/);
      const checked = existsSync(file) ? await run(['check', file]) : { code: 0 };
      expect(checked.code).toBe(0);
    });
  });
});

describe('export', () => {
  it('writes beside the trace, with the names of tasks in it', async () => {
    await inFolder(async (folder) => {
      const file = join(folder, 'a.ktrace.parquet');
      await run(['simulate', small, '--trace', file]);
      const ran = await run(['export', file, '--format', 'perfetto']);
      const target = join(folder, 'a.perfetto-trace');
      expect(ran).toEqual({ code: 0, out: `${target}\n`, err: '' });
      expect(readFileSync(target).includes('GEMM0(source 1, slot 0, row block 0')).toBe(true);
    });
  });
});

describe('compare', () => {
  it('draws both halves where asked to', async () => {
    await inFolder(async (folder) => {
      const file = join(folder, 'a.ktrace.parquet');
      const copy = join(folder, 'b.ktrace.parquet');
      const svg = join(folder, 'timeline.svg');
      await run(['simulate', small, '--trace', file]);
      copyFileSync(file, copy);
      const ran = await run(['compare', file, copy, '--timeline', svg]);
      expect(ran.code).toBe(0);
      expect(readFileSync(svg, 'utf8')).toMatch(/^<svg /);
    });
  });
});

/** The trace without the last TaskFinished event: a task that started and never ended. */
function withoutLastFinish({ header, events }: Trace): Trace {
  const at = events.kind.lastIndexOf(EventKind.TaskFinished);
  const keep = (_: number, row: number): boolean => row !== at;
  return {
    header,
    events: {
      time: events.time.filter(keep),
      launch: events.launch.filter(keep),
      rank: events.rank.filter(keep),
      actor: events.actor.filter(keep),
      kind: events.kind.filter(keep),
      aux: events.aux.filter(keep),
      a: events.a.filter(keep),
      b: events.b.filter(keep),
    },
  };
}
