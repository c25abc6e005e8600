// One measurement in a process of its own: node hold.ts <contender> <pending> <warm-up holds> <timed holds> [mixed]
import { cpuSeconds, exponentialDelays, mixedDelays } from './hold-model.ts';
import { ours } from './ours.ts';
import { structures } from './structures.ts';

const [name = '', ...numbers] = process.argv.slice(2);
const [pending, warm, timed] = numbers.slice(0, 3).map(Number);
const contender = ours[name] ?? structures[name];
if (contender === undefined || pending === undefined || warm === undefined || timed === undefined) {
  const names = [...Object.keys(ours), ...Object.keys(structures)].join(', ');
  throw new Error(`expected one of ${names}; then pending, warm-up and timed holds`);
}
const run = contender(pending, numbers[3] === 'mixed' ? mixedDelays() : exponentialDelays());
// Twice: the second call runs the code that the first one got compiled.
run(Math.ceil(warm / 2));
run(Math.ceil(warm / 2));
const begin = cpuSeconds();
run(timed);
const seconds = cpuSeconds() - begin;
process.stdout.write(`${JSON.stringify({ holds: timed, cpuSeconds: seconds })}\n`);
