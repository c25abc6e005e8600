import { type MachineFacts, machineLine } from '../machine-facts.ts';
import { table } from '../table.ts';
import { type Figure } from './figures.ts';
import type { Absent, Peer } from './peers.ts';
import { type Measured, median } from './rounds.ts';

/** Everything one benchmark run found. */
export interface EngineResults {
  readonly machine: MachineFacts;
  readonly rounds: number;
  readonly peers: readonly Pick<Peer, 'name' | 'version'>[];
  readonly absent: readonly Absent[];
  readonly figures: readonly Figure[];
  readonly measured: readonly Measured[];
}

function count(pending: number): string {
  return pending.toLocaleString('en');
}

function figureRow({ what, reach, unit, got }: Figure): string[] {
  const verdict = got === undefined ? 'not measured' : got >= reach ? 'reached' : 'missed';
  return [what, `${reach} ${unit}`, got === undefined ? '-' : `${got.toFixed(1)} ${unit}`, verdict];
}

/** Rows: contenders; columns: pending events; cells: median, and the slowest and fastest round. */
function ratesTable(measured: readonly Measured[]): string {
  const pendings = [...new Set(measured.map((m) => m.pending))].sort((x, y) => x - y);
  const names = [...new Set(measured.map((m) => m.name))];
  const cell = (name: string, pending: number): string => {
    const found = measured.find((m) => m.name === name && m.pending === pending);
    if (found === undefined) return '';
    const [low, middle, high] = [
      Math.min(...found.rates),
      median(found.rates),
      Math.max(...found.rates),
    ];
    const million = (rate: number): string => (rate / 1e6).toPrecision(3);
    return `${million(middle)} (${million(low)}-${million(high)})`;
  };
  return table(
    ['M holds/s', ...pendings.map((pending) => `${count(pending)} pending`)],
    names.map((name) => [name, ...pendings.map((pending) => cell(name, pending))]),
  );
}

/** The results page. */
export function engineText(results: EngineResults): string {
  const { machine, rounds, peers, absent, figures, measured } = results;
  const of = (group: string): readonly Measured[] => measured.filter((m) => m.group === group);
  return `# Engine

Written by \`npm run bench:engine\`; the numbers behind it are in engine.json. The hold model: a queue holds a constant
number of events, one hold takes the earliest and adds one after a random delay. Processor time of one process a
measurement, everything in it counted; ${rounds} rounds over all contenders in turn; medians, with the slowest and fastest
round in brackets; ratios are medians of the ratios within a round.

Machine: ${machineLine(machine)}.

## Figures

${table(['what', 'reach', 'measured', ''], figures.map(figureRow))}

## Peers

Delays are exponential with mean 1e9 ticks, the same numbers for everyone. \`process layer\` is the engine as the
simulator uses it: events that run handlers by number. \`generator processes\` are sequential processes on top of that, in
SimPy's style. SimPy, SimGrid and ns-3 measure their process or event layer, \`std::priority_queue\` a bare queue in C++.

${ratesTable([...of('ours'), ...of('peers')])}

${peers.map(({ name, version }) => `${name}: ${version}`).join('; ')}.
${absent.map(({ name, needs }) => `Not on this machine: ${name} (needs ${needs}).\n`).join('')}
## Structures

The engine's queue beside the structures it was chosen against, same language and payload. The calendar is set by hand to
the mean gap of this very workload, which an engine does not know.

${ratesTable([...of('ours').filter((m) => m.name === 'bare queue'), ...of('structures')])}

Delays as an execution of the protocol has them: 70 % one latency (many ties), 20 % tasks of 10 us, 10 % launches of 1 ms.

${ratesTable(of('mixed'))}
`;
}
