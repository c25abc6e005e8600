import { describe, expect, it } from 'vitest';

import { exportPerfetto } from '../../../sim/trace/perfetto.ts';
import { ProtobufWriter } from '../../../sim/trace/protobuf.ts';
import type { Trace } from '../../../sim/trace/trace.ts';
import { legalTrace } from '../../support/legal-trace.ts';
import { besideLaunch, handLaunch, handTrace } from '../compare/hand-trace.ts';

/** A decoded message: values of every field number, in order; blocks stay bytes. */
type Message = Map<number, (number | Uint8Array)[]>;

/** Reads a message by the wire format alone: knows nothing of the writer. */
function decode(bytes: Uint8Array): Message {
  const message: Message = new Map();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[at++]!;
      value += (byte & 127) * scale;
      scale *= 128;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const key = varint();
    const field = Math.floor(key / 8);
    const values = message.get(field) ?? [];
    message.set(field, values);
    if (key % 8 === 0) {
      values.push(varint());
    } else if (key % 8 === 1) {
      const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8);
      values.push(Number(view.getBigUint64(0, true)));
      at += 8;
    } else {
      const length = varint();
      if (key % 8 !== 2 || at + length > bytes.length) throw new Error(`bad field ${key} at ${at}`);
      values.push(bytes.subarray(at, at + length));
      at += length;
    }
  }
  return message;
}

function sub(message: Message, field: number): Message | undefined {
  const [block] = message.get(field) ?? [];
  return block instanceof Uint8Array ? decode(block) : undefined;
}

function number(message: Message, field: number): number {
  return message.get(field)?.[0] as number;
}

function text(message: Message, field: number): string {
  return new TextDecoder().decode(message.get(field)?.[0] as Uint8Array);
}

/** Tracks and events of an export. */
interface Export {
  readonly tracks: readonly Message[];
  readonly events: readonly { readonly time: number; readonly event: Message }[];
}

function exported(of: Trace, isAside?: (task: number) => boolean): Export {
  const packets = decode(exportPerfetto(of, (task) => `T${task}`, isAside))
    .get(1)!
    .map((packet) => decode(packet as Uint8Array));
  const events = packets.flatMap((packet) => {
    const event = sub(packet, 11);
    return event ? [{ time: number(packet, 8), event }] : [];
  });
  return { tracks: packets.flatMap((packet) => sub(packet, 60) ?? []), events };
}

const trace = legalTrace();
const { tracks, events } = exported(trace);
const ofType = (type: number): typeof events =>
  events.filter(({ event }) => number(event, 9) === type);

describe('the Perfetto export', () => {
  it('has a process for every rank and a thread for every actor', () => {
    const processes = tracks.flatMap((track) => sub(track, 3) ?? []);
    expect(processes.map((process) => text(process, 6))).toEqual(['rank 0', 'rank 1']);
    const threads = tracks.flatMap((track) => sub(track, 4) ?? []);
    expect(threads).toHaveLength(2 * (3 + 1 + 2));
    expect(threads.map((thread) => text(thread, 5))).toContain('processor 2');
    expect(new Set(threads.map((thread) => number(thread, 2))).size).toBe(threads.length);
  });

  it('has a slice for every task, as long as the task', () => {
    const lengths = new Map<string, number>();
    const open = new Map<number, { name: string; time: number }>();
    for (const { time, event } of events) {
      const track = number(event, 11);
      if (number(event, 9) === 1) open.set(track, { name: text(event, 23), time });
      if (number(event, 9) !== 2) continue;
      const { name, time: begin } = open.get(track)!;
      lengths.set(name, time - begin);
    }
    const { kind, a, time } = trace.events;
    const last = kind.lastIndexOf(17);
    const begin = kind.findLastIndex((code, row) => code === 16 && a[row] === a[last]);
    expect(lengths.get(`T${a[last]}`)).toBe(time[last]! - time[begin]!);
    expect(ofType(1).length).toBe(ofType(2).length);
  });

  it('draws an arrow from every signal to its reader and every doorbell to its task', () => {
    const starts = events.flatMap(({ event }) => event.get(47) ?? []);
    const ends = events.flatMap(({ event }) => event.get(48) ?? []);
    expect(new Set(starts)).toEqual(new Set(ends));
    const tasks = trace.events.kind.filter((code) => code === 16).length;
    const signals = trace.events.kind.filter((code) => code === 11).length;
    expect(starts).toHaveLength(tasks + signals);
  });

  it('keeps every field of an event under its name', () => {
    const put = ofType(3).find(({ event }) => text(event, 23) === 'Put')!;
    const names = put.event.get(4)!.map((block) => text(decode(block as Uint8Array), 10));
    expect(names).toEqual([
      'launch',
      'destination rank',
      'first heap row',
      'rows (20 bits) | column tile + 1 (12 bits)',
    ]);
  });

  it('counts waiting and running tasks, which end at none', () => {
    const counters = ofType(4);
    const last = new Map(counters.map(({ event }) => [number(event, 11), number(event, 30)]));
    expect([...last.values()]).toEqual([0, 0, 0, 0]);
  });

  it('lays launches end to end', () => {
    const times = events.map(({ time }) => time);
    expect(times).toEqual([...times].sort((x, y) => x - y));
  });
});

describe('the Perfetto export of tasks beside others', () => {
  const isAside = (task: number): boolean => task === 2;
  const besides = exported(handTrace(besideLaunch), isAside);
  const named = new Map(
    besides.tracks.flatMap((track) => {
      const thread = sub(track, 4);
      return thread ? [[number(track, 1), text(thread, 5)] as const] : [];
    }),
  );

  it('has a second track where a processor ran two tasks at once, and no other', () => {
    expect([...named.values()].toSorted()).toEqual([
      'processor 0',
      'processor 0, aside',
      'processor 1',
      'scheduler',
    ]);
  });

  it('has slices that nest on every track, each as long as its task', () => {
    const open = new Map<string, { name: string; time: number }[]>();
    const slices: [track: string, name: string, from: number, to: number][] = [];
    for (const { time, event } of besides.events) {
      const track = named.get(number(event, 11)) ?? '';
      const stack = open.get(track) ?? [];
      open.set(track, stack);
      if (number(event, 9) === 1) stack.push({ name: text(event, 23), time });
      if (number(event, 9) !== 2) continue;
      const begun = stack.pop()!;
      slices.push([track, begun.name, begun.time, time]);
    }
    expect(slices.filter(([, name]) => name.startsWith('T'))).toEqual([
      ['processor 0', 'T0', 200, 500],
      ['processor 0, aside', 'T2', 400, 600],
      ['processor 0', 'T1', 500, 700],
    ]);
  });

  it('leaves a task that could run aside and did not on the one track', () => {
    const alone = exported(handTrace(handLaunch(0)), isAside);
    const threads = alone.tracks.flatMap((track) => sub(track, 4) ?? []);
    expect(
      threads.map((thread) => text(thread, 5)).filter((name) => name.includes('aside')),
    ).toEqual([]);
  });
});

describe('ProtobufWriter', () => {
  it('writes integers past 32 bits', () => {
    const writer = new ProtobufWriter();
    writer.integer(1, 2 ** 53 - 1);
    writer.fixed64(2, 2 ** 40 + 5);
    const message = decode(writer.bytes());
    expect(number(message, 1)).toBe(2 ** 53 - 1);
    expect(number(message, 2)).toBe(2 ** 40 + 5);
  });

  it('writes messages in messages, and grows', () => {
    const writer = new ProtobufWriter();
    const outer = writer.open(3);
    const inner = writer.open(4);
    writer.text(5, 'x'.repeat(100_000));
    writer.close(inner);
    writer.integer(6, 1);
    writer.close(outer);
    const message = sub(decode(writer.bytes()), 3)!;
    expect(text(sub(message, 4)!, 5)).toHaveLength(100_000);
    expect(number(message, 6)).toBe(1);
  });

  it.each([-1, 0.5, 2 ** 53])('refuses %s', (value) => {
    expect(() => new ProtobufWriter().integer(1, value)).toThrow(
      'expected an integer in [0, 2^53)',
    );
  });
});
