/** Suites that judge the suites: faults planted in the headers must be found, and named. */
import { foundBlindly, mutants } from './mutants/catalogue.ts';
import { judgeMutant } from './mutants/judge-mutant.ts';
import { judgeUnderSc } from './mutants/judge-under-sc.ts';
import type { Mutant } from './mutants/mutant.ts';
import { blindWorlds, rediscover, searchBlindly } from './mutants/rediscover.ts';
import type { Suite, SuiteOptions } from './suite.ts';

const text = (count: number): string => count.toLocaleString('en-US');

type Figures = Record<string, number>;

async function plantOne(
  mutant: Mutant,
  runs: number,
  { seed, report }: SuiteOptions,
  figures: Figures,
): Promise<boolean> {
  const { kill } = await judgeMutant(mutant, 'weak', mutant.runs, seed);
  const named = kill === null ? 'NOT NAMED' : `${kill.invariant} in schedule ${kill.run + 1}`;
  if (kill !== null) figures[`${mutant.id}, first schedule that shows it`] = kill.run + 1;
  const sc = await judgeUnderSc(mutant, runs, seed);
  let under = '';
  if (sc !== null && mutant.underSc === 'hidden') {
    figures[`${mutant.id}, sequentially consistent schedules that do not show it`] = sc.schedules;
    figures[`${mutant.id}, sequentially consistent states that do not show it`] = sc.states;
    under = sc.held
      ? `, hidden in ${text(sc.schedules)} SC schedules and all ${text(sc.states)} SC states of a small world`
      : `, SHOWN under SC by ${sc.failed.join(', ')}`;
  } else if (sc !== null) {
    if (sc.held) {
      figures[`${mutant.id}, shown under sequential consistency too, within`] = sc.schedules;
    }
    under = sc.held
      ? `, shown under SC too, by ${sc.failed.join(', ')}`
      : `, NOT SHOWN under SC in ${text(sc.schedules)} schedules`;
  }
  report(`${mutant.id} (${mutant.fault}): ${named}${under}`);
  return kill !== null && (sc?.held ?? true);
}

export const planted: Suite = {
  name: 'mutants',
  title: 'every planted fault is named by its invariant; faults of order hide under SC',
  unit: 'sequentially consistent schedules a fault of memory order must survive',
  async run(options) {
    const figures: Figures = {};
    let held = true;
    for (const mutant of mutants) {
      held = (await plantOne(mutant, options.runs ?? 5000, options, figures)) && held;
    }
    return { name: 'mutants', held, figures };
  },
};

export const blind: Suite = {
  name: 'blind',
  title: 'generated worlds find the planted faults without being told where, and nothing else',
  unit: 'generated worlds at most, a fault',
  async run({ runs = blindWorlds, report }) {
    const figures: Figures = {};
    // As many worlds as the hardest fault took must be clean where nothing is planted.
    let worlds = 100;
    let held = true;
    for (const mutant of foundBlindly) {
      const found = await rediscover(mutant, runs);
      held &&= found !== null;
      if (found === null) {
        report(`${mutant.id} (${mutant.fault}): NOT FOUND in ${text(runs)} worlds`);
        continue;
      }
      worlds = Math.max(worlds, found.world + 1);
      figures[`${mutant.id}, schedules until it is named`] = found.schedules;
      report(
        `${mutant.id}: ${found.invariant} in world ${found.world}, ${found.strategy}, schedule ${text(found.schedules)}`,
      );
    }
    const nothing = await searchBlindly({ id: 'none', edits: [] }, null, worlds);
    figures['worlds that are clean with nothing planted'] = nothing === null ? worlds : 0;
    if (nothing !== null) report(`NOTHING PLANTED, yet ${nothing.invariant}: ${nothing.message}`);
    return { name: 'blind', held: held && nothing === null, figures };
  },
};
