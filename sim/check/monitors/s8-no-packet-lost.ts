import { Freshness, freshness } from '../../moe/packet.ts';
import { signalRows, signalState } from '../../trace/analysis/fields.ts';
import { pairKey } from '../facts.ts';
import type { Monitor } from '../monitor.ts';

/** Every signal with rows is observed once, in its own launch, with the rows it was sent with. No-ops may be missed. */
export const s8NoPacketLost: Monitor = {
  id: 'S8',
  title: 'a real packet is never overwritten or dropped unread; only no-ops may be',
  kinds: ['SignalSent', 'SignalObserved'],
  needs: 'all events',
  run(context, findings) {
    const { index, events, matches } = context;
    const { launch, aux, a, b } = events;
    for (const row of index.rowsOf('SignalSent')) {
      const rows = signalRows(b[row]!);
      if (rows === 0) continue;
      const what = `signal of ${rows} rows (flag ${a[row]} of rank ${aux[row]})`;
      const group = matches.observed.find(pairKey(launch[row]!, aux[row]!), a[row]!);
      const observed = group < 0 ? new Uint32Array() : matches.observed.rows(group);
      if (observed.length === 0) {
        findings.at(row, `${what} was never observed`);
      } else if (observed.length > 1) {
        findings.at(observed[1]!, `${what} was observed ${observed.length} times`, row);
      } else if (freshness(signalState(b[observed[0]!]!), launch[row]!) !== Freshness.Current) {
        findings.at(observed[0]!, `${what} was overwritten by the next epoch's unread`, row);
      } else if (signalRows(b[observed[0]!]!) !== rows) {
        const got = signalRows(b[observed[0]!]!);
        findings.at(observed[0]!, `${what} was observed with ${got} rows`, row);
      }
    }
    return undefined;
  },
};
