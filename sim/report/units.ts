/** A unit of time and its length. */
export interface TimeUnit {
  readonly name: 'ns' | 'µs' | 'ms' | 's';
  readonly ns: number;
}

const units: readonly TimeUnit[] = [
  { name: 's', ns: 1e9 },
  { name: 'ms', ns: 1e6 },
  { name: 'µs', ns: 1e3 },
  { name: 'ns', ns: 1 },
];

/** The unit in which `ns` is at least ten, so that an axis to it has short labels; ns where there is none. */
export function timeUnit(ns: number): TimeUnit {
  return units.find((unit) => Math.abs(ns) >= 10 * unit.ns) ?? { name: 'ns', ns: 1 };
}

/** `12.3 µs`: three significant digits with the unit that suits. */
export function timeText(ns: number): string {
  if (ns === 0) return '0 ns';
  const unit = units.find((one) => Math.abs(ns) >= one.ns) ?? { name: 'ns', ns: 1 };
  return `${threeDigits(ns / unit.ns)} ${unit.name}`;
}

/** `41.2 %` of a share between 0 and 1. */
export function shareText(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** `+4.1 %` of a relative error. */
export function errorText(error: number): string {
  const size = (Math.abs(error) * 100).toFixed(1);
  if (size === '0.0') return '0.0 %';
  return `${error > 0 ? '+' : '\u2212'}${size} %`;
}

/** A figure with its unit; an en dash where it is unknown. */
export function figureText(value: number | null, unit: 'ns' | 'share' | 'processor-ns'): string {
  if (value === null) return '\u2013';
  if (unit === 'share') return shareText(value);
  return unit === 'ns' ? timeText(value) : timeText(value).replace(' ', ' processor-');
}

/** Three significant digits without an exponent. */
function threeDigits(value: number): string {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}

/** `0`, `1, 2` or `1 to 59`: ascending launch numbers in few words. */
export function launchList(launches: readonly number[]): string {
  const runs: (readonly [number, number])[] = [];
  for (const launch of launches) {
    const last = runs.at(-1);
    if (last !== undefined && launch === last[1] + 1) runs[runs.length - 1] = [last[0], launch];
    else runs.push([launch, launch]);
  }
  return runs
    .map(([from, to]) => {
      if (to - from < 2) return from === to ? `${from}` : `${from}, ${to}`;
      return `${from} to ${to}`;
    })
    .join(', ');
}
