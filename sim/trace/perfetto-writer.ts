import { ProtobufWriter } from './protobuf.ts';

/** Field numbers of perfetto/protos/trace (trace_packet, track_descriptor, track_event, debug_annotation). */
const packetField = { timestamp: 8, sequence: 10, trackEvent: 11, sequenceFlags: 13, track: 60 };
const trackField = { uuid: 1, name: 2, process: 3, thread: 4, parent: 5, counter: 8 };
const processField = { pid: 1, name: 6 };
const threadField = { pid: 1, tid: 2, name: 5 };
const eventField = { annotation: 4, type: 9, track: 11, name: 23, counterValue: 30 };
const flowField = { starts: 47, ends: 48 };
const annotationField = { uint: 3, text: 6, name: 10 };

const eventType = { begin: 1, end: 2, instant: 3, counter: 4 };

/** Thread numbers are global in Perfetto and must not meet process numbers, which are at most 65,536. */
const firstThread = 65_536;

/** An actor's own track, and that of the tasks it runs beside others. */
export type ActorTrack = 'main' | 'aside';

/** All packets belong to one sequence; its state is cleared by its first packet. */
const sequenceId = 1;
const stateCleared = 1;

/** Writes tracks and events of a Perfetto trace. Processes are ranks, threads are actors. */
export class PerfettoWriter {
  readonly #out = new ProtobufWriter();
  /** Track numbers by rank and what the track is; the number is the track's UUID. */
  readonly #tracks = new Map<string, number>();
  #packets = 0;

  bytes(): Uint8Array {
    return this.#out.bytes();
  }

  process(rank: number, name: string): void {
    this.#describe(`${rank}`, () => {
      const process = this.#out.open(trackField.process);
      this.#out.integer(processField.pid, rank + 1);
      this.#out.text(processField.name, name);
      this.#out.close(process);
    });
  }

  thread(rank: number, actor: number, track: ActorTrack, name: string): void {
    this.#describe(actorTrack(rank, actor, track), (uuid) => {
      const thread = this.#out.open(trackField.thread);
      this.#out.integer(threadField.pid, rank + 1);
      this.#out.integer(threadField.tid, firstThread + uuid);
      this.#out.text(threadField.name, name);
      this.#out.close(thread);
    });
  }

  /** A slice's beginning, or an instant, with its details; arrows are numbers, 0 for none. */
  event(
    type: 'begin' | 'instant',
    rank: number,
    actor: number,
    track: ActorTrack,
    time: number,
    name: string,
    details: readonly (readonly [string, number | string])[],
    flows: { readonly starts: number; readonly ends: number },
  ): void {
    this.#event(type, actorTrack(rank, actor, track), time, () => {
      this.#out.text(eventField.name, name);
      for (const [key, value] of details) this.#annotate(key, value);
      if (flows.starts > 0) this.#out.fixed64(flowField.starts, flows.starts);
      if (flows.ends > 0) this.#out.fixed64(flowField.ends, flows.ends);
    });
  }

  end(rank: number, actor: number, track: ActorTrack, time: number): void {
    this.#event('end', actorTrack(rank, actor, track), time, () => undefined);
  }

  /** A new value of a rank's counter; its track appears with the first one. */
  counter(rank: number, name: string, time: number, value: number): void {
    const key = `${rank} counter ${name}`;
    if (!this.#tracks.has(key)) {
      this.#describe(key, () => {
        this.#out.text(trackField.name, name);
        this.#out.integer(trackField.parent, this.#uuid(`${rank}`));
        this.#out.close(this.#out.open(trackField.counter));
      });
    }
    this.#event('counter', key, time, () => this.#out.integer(eventField.counterValue, value));
  }

  #annotate(key: string, value: number | string): void {
    const annotation = this.#out.open(eventField.annotation);
    this.#out.text(annotationField.name, key);
    if (typeof value === 'number') this.#out.integer(annotationField.uint, value);
    else this.#out.text(annotationField.text, value);
    this.#out.close(annotation);
  }

  #event(type: keyof typeof eventType, track: string, time: number, rest: () => void): void {
    this.#packet(() => {
      this.#out.integer(packetField.timestamp, time);
      const event = this.#out.open(packetField.trackEvent);
      this.#out.integer(eventField.type, eventType[type]);
      this.#out.integer(eventField.track, this.#uuid(track));
      rest();
      this.#out.close(event);
    });
  }

  #describe(key: string, rest: (uuid: number) => void): void {
    this.#tracks.set(key, this.#tracks.size + 1);
    const uuid = this.#uuid(key);
    this.#packet(() => {
      const track = this.#out.open(packetField.track);
      this.#out.integer(trackField.uuid, uuid);
      rest(uuid);
      this.#out.close(track);
    });
  }

  #uuid(track: string): number {
    const uuid = this.#tracks.get(track);
    if (uuid === undefined) throw new RangeError(`perfetto: no track for ${track}`);
    return uuid;
  }

  #packet(rest: () => void): void {
    const packet = this.#out.open(1);
    rest();
    this.#out.integer(packetField.sequence, sequenceId);
    if (this.#packets === 0) this.#out.integer(packetField.sequenceFlags, stateCleared);
    this.#packets++;
    this.#out.close(packet);
  }
}

function actorTrack(rank: number, actor: number, track: ActorTrack): string {
  return `${rank} actor ${actor} ${track}`;
}
