// Writes the constants of a machine profile that recorded traces determine: `npm run calibrate`. Which traces, and which are
// held out, is in sim/machine/profiles/<profile>.traces.json. With --check it only compares.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { calibrate, type NamedTrace, profileText } from '../calibrate/calibrate.ts';
import { parseMachineProfile } from '../machine/index.ts';
import { writeAtomically } from '../report/atomic-write.ts';
import { calibrationPlan, namedTraces, profileFile } from './calibration-traces.ts';
import { exitCodes } from './outcome.ts';
import { packageRoot } from './package-info.ts';
import { processTerminal } from './terminal.ts';

const { values } = parseArgs({
  options: {
    check: { type: 'boolean', default: false },
    profile: { type: 'string', default: 'h200' },
  },
});
const terminal = processTerminal();
const root = packageRoot();
const plan = calibrationPlan(root, values.profile);
const file = profileFile(root, `${plan.profile}.json`);
const name = relative(root, file);
const text = readFileSync(file, 'utf8');
const traces: Record<string, readonly NamedTrace[]> = {};
for (const [kernel, { fitted }] of Object.entries(plan.kernels)) {
  traces[kernel] = await namedTraces(root, fitted);
}
const made = profileText(calibrate(parseMachineProfile(text, file), traces));
if (!values.check) {
  await writeAtomically(file, made);
  terminal.out(
    `${name}: ${text === made ? 'as it was' : 'written; npm run golden and npm run results follow'}\n`,
  );
} else if (text === made) {
  terminal.out(`${name} is what the traces give\n`);
} else {
  terminal.err(`${name} is not what the traces give: run npm run calibrate\n`);
  process.exitCode = exitCodes.violations;
}
