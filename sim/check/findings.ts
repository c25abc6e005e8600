import { laneName } from '../trace/analysis/event-index.ts';
import type { CheckContext } from './context.ts';
import { type InvariantId, maxViolations, type Violation } from './report.ts';

/** Collects the violations of one invariant: counts all, keeps the first. */
export class Findings {
  readonly #id: InvariantId;
  readonly #context: CheckContext;
  readonly #violations: Violation[] = [];
  #total = 0;

  constructor(id: InvariantId, context: CheckContext) {
    this.#id = id;
    this.#context = context;
  }

  get total(): number {
    return this.#total;
  }

  get violations(): readonly Violation[] {
    return this.#violations;
  }

  /** A violation at the event of `row`, in which the events of `others` (-1: none) take part. */
  at(row: number, message: string, ...others: number[]): void {
    this.#total++;
    if (this.#violations.length >= maxViolations) return;
    const { events, index } = this.#context;
    const rows = [row, ...others.filter((other) => other >= 0)];
    const actors = rows.map((each) => laneName(index.lanes[index.laneOf[each]!]!));
    this.#violations.push({
      id: this.#id,
      launch: events.launch[row]!,
      rank: events.rank[row]!,
      timeNs: events.time[row]!,
      actors: [...new Set(actors)],
      message,
    });
  }

  /** A violation by something that did not happen on a rank in a launch. */
  absence(launch: number, rank: number, message: string, actors: readonly string[] = []): void {
    this.#total++;
    if (this.#violations.length >= maxViolations) return;
    const [begin, end] = this.#context.index.launchRange(launch);
    const timeNs = end > begin ? this.#context.events.time[end - 1]! : 0;
    this.#violations.push({ id: this.#id, launch, rank, timeNs, actors, message });
  }
}
