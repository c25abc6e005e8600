import { type Measured, median, ratio } from './rounds.ts';

/** A figure the engine is to reach. */
export interface Figure {
  readonly what: string;
  readonly reach: number;
  readonly unit: 'M events/s' | 'times';
  /** Undefined: the peer is not on this machine. */
  readonly got: number | undefined;
}

const bareReach: Readonly<Record<number, number>> = { 100: 15, 10000: 10, 1000000: 2.4 };

/** The figures, from one measurement of everything. */
export function figuresOf(all: readonly Measured[]): Figure[] {
  const find = (name: string, pending: number): Measured | undefined =>
    all.find((m) => m.group !== 'mixed' && m.name === name && m.pending === pending);
  const million = (m: Measured | undefined): number | undefined => m && median(m.rates) / 1e6;
  const layer = find('process layer', 10000);
  const against = (peer: Measured | undefined): number | undefined =>
    layer && peer && ratio(layer, peer);
  const ns3 = all
    .filter((m) => m.name.startsWith('ns-3') && m.pending === 10000)
    .sort((x, y) => median(y.rates) - median(x.rates))[0];
  const times = 'times' as const;
  return [
    ...Object.entries(bareReach).map(([pending, reach]) => ({
      what: `bare queue, ${Number(pending).toLocaleString('en')} pending`,
      reach,
      unit: 'M events/s' as const,
      got: million(find('bare queue', Number(pending))),
    })),
    { what: 'process layer, 10,000 pending', reach: 4.6, unit: 'M events/s', got: million(layer) },
    { what: '... against SimPy', reach: 15, unit: times, got: against(find('SimPy', 10000)) },
    {
      what: '... against SimGrid timers',
      reach: 4,
      unit: times,
      got: against(find('SimGrid timers', 10000)),
    },
    {
      what: `... against ns-3's best scheduler${ns3 ? ` (${ns3.name.slice(5)})` : ''}`,
      reach: 1,
      unit: times,
      got: against(ns3),
    },
  ];
}
