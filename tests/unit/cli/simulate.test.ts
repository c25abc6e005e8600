import { describe, expect, it } from 'vitest';
import { run } from './run-in-process.ts';

const small = 'scenarios/small.yaml';

describe('simulate', { timeout: 60_000 }, () => {
  it('measures and checks a run without keeping its trace', async () => {
    const { code, out, err } = await run(['simulate', small, '--no-trace']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/tasks finished +(\d+) of \1\n/);
    expect(out).toMatch(/peak memory +\d+\.\d\d GB/);
    expect(out).toMatch(/S1, S2, S3, T5 held \((\d+) of \1 launches/);
    const json = await run(['simulate', small, '--no-trace', '--json']);
    const { summary } = JSON.parse(json.out) as { summary: { tasks: number; aborted: boolean } };
    expect(summary.tasks).toBeGreaterThan(0);
    expect(summary.aborted).toBe(false);
  });

  it('leaves a summary of what was simulated when it is interrupted', async () => {
    const stop = new AbortController();
    stop.abort();
    const { code, out, err } = await run(
      ['simulate', 'scenarios/paper-8xh100.yaml', '--no-trace'],
      { signal: stop.signal },
    );
    expect(code).toBe(130);
    expect(out).toMatch(/tasks finished +[\d,]+ of 49,152\n/);
    expect(out).toContain('not violated so far');
    expect(err).toMatch(/interrupted after \d+ of 49152 tasks/);
  });

  it('prints the same for several seeds, whatever the number of threads', async () => {
    const serial = await run(['simulate', small, '--seeds', '5']);
    const threaded = await run(['simulate', small, '--seeds', '5', '--workers', '3']);
    expect(serial).toMatchObject({ code: 0, err: '' });
    expect(threaded).toEqual(serial);
    const hashes = serial.out.match(/[0-9a-f]{64}/g) ?? [];
    expect(new Set(hashes).size).toBe(5);
    const alone = await run(['simulate', small, '--seeds', '1', '--seed', '44']);
    expect(alone.out).toContain(hashes[2]);
  });

  it.each([
    [['--workers', '2'], /--workers: expected --seeds/],
    [['--seeds', '0'], /--seeds: expected an integer of at least 1, got '0'/],
    [['--seeds', '2', '--workers', 'x'], /--workers: expected an integer of at least 1, got 'x'/],
    [['--seeds', '2', '--trace', 'x'], /--trace: expected one seed/],
    [['--seeds', '2', '--policy', 'nope'], /policy: expected one of .*got nope/],
  ])('refuses %j', async (options, message) => {
    const { code, err } = await run(['simulate', small, ...options]);
    expect(code).toBe(2);
    expect(err).toMatch(message);
  });
});
