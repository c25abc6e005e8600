import { TraceBuilder } from '../../sim/trace/builder.ts';
import { EventKind, type EventKindName } from '../../sim/trace/generated/events.ts';
import type { LegalSetting } from './legal-world.ts';

/** A rank, as the wires see it. */
export interface FlagOwner {
  flagSet(time: number, word: FlagWord): void;
}

/** A signal on its way: what a flag of `rank` will say. */
export interface FlagWord {
  readonly flag: number;
  readonly launch: number;
  readonly rows: number;
  readonly rowTiles: number;
  readonly source: number;
}

/**
 * The wires of the model: a list of pending calls in time order, the flags, and the event log. There is no randomness
 * but a task's length, which is a hash of its index.
 */
export class LegalFabric {
  readonly setting: LegalSetting;
  readonly builder: TraceBuilder = new TraceBuilder();
  readonly #pending: { time: number; sequence: number; call: (time: number) => void }[] = [];
  readonly #clocks = new Map<number, number>();
  #sequence = 0;
  /** Set once, when the ranks exist. */
  ranks: readonly FlagOwner[] = [];

  constructor(setting: LegalSetting) {
    this.setting = setting;
  }

  at(time: number, call: (time: number) => void): void {
    this.#pending.push({ time, sequence: this.#sequence++, call });
  }

  /** Calls everything pending, earliest first, until nothing is left. */
  run(): void {
    while (this.#pending.length > 0) {
      let next = 0;
      for (let i = 1; i < this.#pending.length; i++) {
        const x = this.#pending[i]!;
        const y = this.#pending[next]!;
        if (x.time < y.time || (x.time === y.time && x.sequence < y.sequence)) next = i;
      }
      const [entry] = this.#pending.splice(next, 1);
      entry!.call(entry!.time);
    }
  }

  /** Records an event at `time`, or 1 ns after the actor's last one; returns when. */
  record(
    time: number,
    launch: number,
    rank: number,
    actor: number,
    kind: EventKindName,
    aux = 0,
    a = 0,
    b = 0,
  ): number {
    const key = rank * 65536 + actor;
    const now = Math.max(time, (this.#clocks.get(key) ?? -1) + 1);
    this.#clocks.set(key, now);
    this.builder.add(now, launch, rank, actor, EventKind[kind], aux, a, b);
    return now;
  }

  /** Sets a flag of `rank` after the link's latency. */
  signal(time: number, rank: number, word: FlagWord): void {
    this.at(time + 700, (now) => this.ranks[rank]!.flagSet(now, word));
  }
}
