/** All ranks of a run: the same request to each, and one clear error when any of them fails. */
import { setTimeout as sleep } from 'node:timers/promises';
import { GpuRunError } from './errors.ts';
import type { RankCall, RankCalls } from './messages.ts';
import type { PhaseTimeouts } from './phases.ts';
import { RankProcess } from './rank-process.ts';

/** Time other ranks get to report too once one has failed, so that the error can name the first cause. */
const graceMs = 1500;
const dumpMs = 2000;

/** Most text of one rank in an error's details. */
const detailLength = 20_000;

export class Ranks {
  readonly #processes: readonly RankProcess[];
  readonly #timeouts: PhaseTimeouts;
  readonly #stopped: Promise<never>;

  /** `stopped` rejects when the run is to end early; every call in flight rejects with it. */
  constructor(
    ranks: number,
    env: NodeJS.ProcessEnv,
    timeouts: PhaseTimeouts,
    stopped: Promise<never>,
  ) {
    this.#processes = Array.from({ length: ranks }, (_, rank) => new RankProcess(rank, env));
    this.#timeouts = timeouts;
    this.#stopped = stopped;
  }

  /** One rank's answer. */
  one<C extends RankCall>(
    rank: number,
    phase: keyof PhaseTimeouts,
    call: C,
    argument: RankCalls[C]['argument'],
  ): Promise<RankCalls[C]['answer']> {
    return Promise.race([this.#ask(rank, phase, phase, call, argument), this.#stopped]);
  }

  /**
   * Every rank's answer, asked at once; `label` is the phase as messages show it. When a rank fails, the others
   * get a moment to fail too, and the error is that of the first with what all of them said in its details.
   */
  async all<C extends RankCall>(
    phase: keyof PhaseTimeouts,
    label: string,
    call: C,
    argument: (rank: number) => RankCalls[C]['argument'],
  ): Promise<RankCalls[C]['answer'][]> {
    const failures: GpuRunError[] = [];
    const asked = this.#processes.map(async ({ rank }) => {
      try {
        return await this.#ask(rank, phase, label, call, argument(rank));
      } catch (error) {
        if (error instanceof GpuRunError) failures.push(error);
        throw error;
      }
    });
    try {
      return await Promise.race([Promise.all(asked), this.#stopped]);
    } catch (error) {
      // Which of several failures came first is known; the details need them all.
      await Promise.race([Promise.allSettled(asked), sleep(graceMs)]);
      throw await this.#explained(error, failures);
    }
  }

  async endAll(): Promise<void> {
    await Promise.all(this.#processes.map((p) => p.end()));
  }

  async killAll(): Promise<void> {
    await Promise.all(this.#processes.map((p) => p.kill()));
  }

  #ask<C extends RankCall>(
    rank: number,
    phase: keyof PhaseTimeouts,
    label: string,
    call: C,
    argument: RankCalls[C]['argument'],
  ): Promise<RankCalls[C]['answer']> {
    const process = this.#processes[rank];
    if (process === undefined) throw new RangeError(`no rank ${rank}`);
    return process.call(label, call, argument, this.#timeouts[phase]);
  }

  /** The first failure, with every rank's word, and the state of the protocol where a launch did not end well. */
  async #explained(error: unknown, failures: readonly GpuRunError[]): Promise<unknown> {
    const first = failures[0];
    if (first === undefined) return error;
    const dumps = first.code === 'ABORTED' || first.code === 'TIMEOUT' ? await this.#dumps() : [];
    const words = failures.map((f) => [f.message, f.details].filter((t) => t !== '').join('\n'));
    const alone = failures.length === 1;
    const others = alone ? '' : ` (${failures.length} ranks failed; this one first)`;
    const details = [...words, ...dumps].join('\n\n');
    return new GpuRunError(first.code, first.message + others, details, { cause: first });
  }

  async #dumps(): Promise<string[]> {
    const dump = async (process: RankProcess): Promise<string[]> => {
      try {
        await process.call('abort', 'abort', null, dumpMs);
        const text = await process.call('dump', 'dump', null, dumpMs);
        return [`rank ${process.rank}, protocol state:\n${text.slice(0, detailLength)}`];
      } catch {
        // A rank that cannot even tell its state: its failure is among the others already.
        return [];
      }
    };
    return (await Promise.all(this.#processes.map(dump))).flat();
  }
}
