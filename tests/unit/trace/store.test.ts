import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as fc from 'fast-check';
import { parquetMetadata } from 'hyparquet';
import { ByteWriter, ParquetWriter, parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { TraceBuilder } from '../../../sim/trace/builder.ts';
import { headerKey, parquetSchema } from '../../../sim/trace/file-layout.ts';
import { EventKind } from '../../../sim/trace/generated/events.ts';
import {
  decodeTrace,
  encodeTrace,
  readTrace,
  readTraceHeader,
  writeTrace,
} from '../../../sim/trace/store.ts';
import { legalTrace } from '../../support/legal-trace.ts';
import { headerOf, settingOf, smallWorld } from '../../support/legal-world.ts';

const header = headerOf(settingOf(smallWorld));
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kerneltwin-store-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A Parquet file with the columns of a trace, one row of the given values, and the given header text. */
function file(
  headerText: string | undefined,
  row: Partial<Record<string, number>> = {},
): Uint8Array {
  const writer = new ByteWriter();
  const schema = parquetSchema(false);
  const parquet = new ParquetWriter({
    writer,
    schema,
    ...(headerText === undefined ? {} : { kvMetadata: [{ key: headerKey, value: headerText }] }),
  });
  const value = (name: string): number => row[name] ?? (name === 'kind' ? 1 : 0);
  void parquet.write({
    columnData: schema.slice(1).map(({ name }) => ({ name, data: [value(name)] })),
  });
  void parquet.finish();
  return writer.getBytes();
}

describe('trace files', () => {
  it('give back the trace that was written', async () => {
    const trace = legalTrace();
    const path = join(folder, 'legal.ktrace.parquet');
    await writeTrace(path, trace);
    expect(await readTrace(path)).toEqual(trace);
  });

  it('tell their header without their events', async () => {
    const path = join(folder, 'header.ktrace.parquet');
    const trace = legalTrace();
    await writeTrace(path, trace);
    expect(await readTraceHeader(path)).toEqual((await readTrace(path)).header);
    await expect(readTraceHeader(join(folder, 'none.ktrace.parquet'))).rejects.toThrow(/readable/);
  });

  it('give back any events, extreme values and times of hours too', async () => {
    const event = fc.record({
      time: fc.nat({ max: 4e12 }),
      launch: fc.nat({ max: 1 }),
      rank: fc.nat({ max: 1 }),
      actor: fc.nat({ max: 127 }),
      kind: fc.constantFrom(...Object.values(EventKind)),
      aux: fc.nat({ max: 0xffff }),
      a: fc.nat({ max: 0xffff_ffff }),
      b: fc.nat({ max: 0xffff_ffff }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 300 }), async (events) => {
        const builder = new TraceBuilder();
        events.sort((x, y) => x.launch - y.launch || x.time - y.time);
        for (const e of events) {
          builder.add(e.time, e.launch, e.rank, e.actor, e.kind, e.aux, e.a, e.b);
        }
        const trace = builder.finish(header);
        expect(await decodeTrace(encodeTrace(trace))).toEqual(trace);
      }),
      { numRuns: 60 },
    );
  });

  it('have the same bytes for the same trace, on every engine', () => {
    const bytes = encodeTrace(legalTrace());
    expect(encodeTrace(legalTrace())).toEqual(bytes);
    const hash = createHash('sha256').update(bytes).digest('hex');
    expect(hash).toBe('f33f847a2215ff2eaa5dbb2e1af15a6494eaa908cfd8ca47d4202e4c8865f7ef');
  });

  it('hold one launch a row group', () => {
    const { row_groups: groups } = parquetMetadata(encodeTrace(legalTrace({ launches: 3 })));
    expect(groups).toHaveLength(3);
  });

  it('cost under 5 bytes an event', () => {
    const trace = legalTrace({
      expertsPerRank: [16],
      tokens: [4096],
      processors: 66,
      launches: 1,
      hidden: 1024,
      intermediate: 1024,
      tileRows: 64,
      rows: (_, __, expert) => 150 + ((expert * 37) % 57),
    });
    const events = trace.events.time.length;
    expect(events).toBeGreaterThan(9000);
    expect(encodeTrace(trace).length / events).toBeLessThan(5);
  });
});

describe('readers refuse', () => {
  it('a file that is not there', async () => {
    const path = join(folder, 'absent.ktrace.parquet');
    await expect(readTrace(path)).rejects.toThrow(`${path}: trace file: expected a readable file`);
  });

  it('a file that is not Parquet, naming it', async () => {
    const path = join(folder, 'text.ktrace.parquet');
    await writeFile(path, 'hello world');
    await expect(readTrace(path)).rejects.toThrow(
      `${path}: file: expected a Parquet file (PAR1), got a file that starts with "hell"`,
    );
  });

  it('an empty file', async () => {
    await expect(decodeTrace(new Uint8Array(0))).rejects.toThrow('got an empty file');
  });

  it('a file that was cut off, wherever', async () => {
    const bytes = encodeTrace(legalTrace());
    for (let part = 1; part < 20; part++) {
      const cut = bytes.subarray(0, Math.floor((bytes.length * part) / 20));
      await expect(decodeTrace(cut)).rejects.toThrow(
        /expected a whole Parquet file, got damaged or cut off/,
      );
    }
  });

  it('a file whose columns are damaged', async () => {
    const bytes = encodeTrace(legalTrace()).slice();
    bytes.fill(0xff, 4, 4000);
    await expect(decodeTrace(bytes)).rejects.toMatchObject({ name: 'TraceError' });
  });

  it('a Parquet file of something else', async () => {
    const other = parquetWriteBuffer({
      columnData: [{ name: 'x', data: [1, 2, 3], type: 'INT32' }],
    });
    await expect(decodeTrace(new Uint8Array(other))).rejects.toThrow(
      `file metadata: expected the key ${headerKey} of a kerneltwin trace`,
    );
  });

  it('a header of another version', async () => {
    await expect(decodeTrace(file(JSON.stringify({ ...header, version: 99 })))).rejects.toThrow(
      /header field version: expected .*1.*, got 99/,
    );
  });

  it('a header with a field missing, with the path of the field', async () => {
    const clock = { unit: 'ns', method: 'none', residualNs: { sameRank: 5 } };
    await expect(decodeTrace(file(JSON.stringify({ ...header, clock })))).rejects.toThrow(
      'header field clock.residualNs.crossRank: expected',
    );
  });

  it('a header whose lists do not match its ranks', async () => {
    await expect(decodeTrace(file(JSON.stringify({ ...header, lostEvents: [0] })))).rejects.toThrow(
      'header field lostEvents: expected 2 entries, got 1 entries',
    );
  });

  it('a header whose processors do not divide its blocks', async () => {
    const ranks = [
      { blocks: 8, processors: 3, subscribers: 2 },
      { blocks: 8, processors: 4, subscribers: 2 },
    ];
    await expect(decodeTrace(file(JSON.stringify({ ...header, ranks })))).rejects.toThrow(
      'header field ranks.1.processors: expected one less than a divisor of its 8 blocks, got 4',
    );
  });

  it('a header that is not JSON', async () => {
    await expect(decodeTrace(file('{'))).rejects.toThrow(`metadata ${headerKey}: expected JSON`);
  });

  it.each([
    [
      'an unknown kind',
      { kind: 99 },
      'kind in row 0: expected 1 to 22 (LaunchBegin to Exit), got 99',
    ],
    ['a rank out of range', { rank: 2 }, 'rank in row 0: expected less than 2, got 2'],
    [
      'an actor out of range',
      { actor: 128 },
      'actor in row 0: expected less than 128 (3 processors and the OS block)',
    ],
    ['a launch out of range', { launch: 7 }, 'launch in row 0: expected 0 to 1, got 7'],
    ['a value too wide for its column', { aux: 70_000 }, 'got 70000 in row 0 of aux'],
  ])('%s', async (_, row, message) => {
    await expect(decodeTrace(file(JSON.stringify(header), row))).rejects.toThrow(message);
  });
});
