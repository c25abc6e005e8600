import { epochState, Freshness, freshness } from '../../moe/packet.ts';
import { signalState } from '../../trace/analysis/fields.ts';
import type { CheckContext } from '../context.ts';
import type { Findings } from '../findings.ts';
import { flagSlot, flagSource, isDispatchFlag } from '../flags.ts';
import type { Monitor } from '../monitor.ts';

/**
 * The launch number is the ghost epoch that never wraps. Senders write its state; a receiver takes the current one, or the
 * next where the flag was a no-op; and each rank hears from every peer in every launch, which keeps ranks within one
 * launch of one another.
 */
export const t3Epochs: Monitor = {
  id: 'T3',
  title: 'stale / current / ahead agrees with an unbounded ghost epoch; rank skew is at most 1',
  kinds: ['LaunchBegin', 'SignalSent', 'SignalObserved'],
  needs: 'all events',
  run(context, findings) {
    const { index, events } = context;
    const { launch, a, b } = events;
    for (const row of index.rowsOf('LaunchBegin')) {
      if (a[row] === launch[row] && b[row] === epochState(launch[row]!)) continue;
      findings.at(row, `launch ${launch[row]} began as epoch ${a[row]} with state ${b[row]}`);
    }
    for (const row of index.rowsOf('SignalSent')) {
      const state = signalState(b[row]!);
      const expected = epochState(launch[row]!);
      if (state !== expected) findings.at(row, `sent state ${state}, this epoch's is ${expected}`);
    }
    for (const row of index.rowsOf('SignalObserved')) judgeObserved(context, findings, row);
    judgeSkew(context, findings);
    return undefined;
  },
};

function judgeObserved(context: CheckContext, findings: Findings, row: number): void {
  const { events, shape, placement } = context;
  const launch = events.launch[row]!;
  const flag = events.a[row]!;
  const state = signalState(events.b[row]!);
  const fresh = freshness(state, launch);
  if (fresh === Freshness.Current) return;
  const what = `flag ${flag} with state ${state} in an epoch of state ${epochState(launch)}`;
  if (fresh === Freshness.Stale || !isDispatchFlag(shape, flag)) {
    findings.at(row, `took ${what}: stale`);
    return;
  }
  const slot = flagSlot(shape, flag);
  const source = flagSource(shape, flag);
  const rank = events.rank[row]!;
  if (slot >= placement.localExperts(rank)) return;
  const rows = context.kept(launch, source, placement.globalExpert(rank, slot));
  if (rows > 0) findings.at(row, `took ${what} as ahead, but ${rows} rows were sent in this one`);
}

function judgeSkew({ index, events, header, launches }: CheckContext, findings: Findings): void {
  const ranks = header.ranks.length;
  const heard = new Uint8Array(launches.length * ranks * ranks);
  for (const row of index.rowsOf('SignalObserved')) {
    const at = (events.launch[row]! - header.firstLaunch) * ranks + events.rank[row]!;
    if (events.aux[row]! < ranks) heard[at * ranks + events.aux[row]!] = 1;
  }
  for (const launch of launches) {
    for (let rank = 0; rank < ranks; rank++) {
      for (let peer = 0; peer < ranks; peer++) {
        const at = (launch - header.firstLaunch) * ranks + rank;
        if (heard[at * ranks + peer] === 1) continue;
        const what = `rank ${rank} ended without hearing from rank ${peer}: skew is unbounded`;
        findings.absence(launch, rank, what, [`rank ${rank}`, `rank ${peer}`]);
      }
    }
  }
}
