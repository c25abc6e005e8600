import { launchRows } from '../compare/launches.ts';
import { worldOf } from '../compare/world.ts';
import {
  type BesideName,
  besideNames,
  besideUnits,
  type Constant,
  type ConstantName,
  constantUnits,
  type KernelConstants,
  type MachineProfile,
  machineOf,
} from '../machine/index.ts';
import type { Trace } from '../trace/trace.ts';
import { actorSamples } from './actor-samples.ts';
import { cellFlights } from './cell-flights.ts';
import { type Derived, deriveConstants, fittedSource } from './derive.ts';
import { fitPolls } from './fits.ts';
import type { FittedTrace } from './fitted-trace.ts';
import { taskSamples } from './task-samples.ts';

/** A trace with the name it is known by. */
export interface NamedTrace {
  readonly name: string;
  readonly trace: Trace;
}

/**
 * The profile with every constant that the traces determine, by kernel. What they do not determine stays as it is: the
 * same traces and the same rest give the same profile, however often.
 * @throws {RangeError} when the traces hold no sample of a constant that is fitted.
 */
export function calibrate(
  profile: MachineProfile,
  tracesOf: Readonly<Record<string, readonly NamedTrace[]>>,
): MachineProfile {
  const samples = Object.fromEntries(
    Object.entries(tracesOf).map(([kernel, traces]) => [kernel, traces.map(sampled)] as const),
  );
  const polls = pollsOf(Object.values(samples).flat());
  const kernels = { ...profile.kernels };
  for (const [kernel, traces] of Object.entries(samples)) {
    const rest = withoutFitted(profile.kernels[kernel]!);
    const known = constantsWith(rest, polls);
    const machine = machineOf({ ...profile, kernels: { [kernel]: known } }, kernel);
    kernels[kernel] = constantsWith(
      known,
      deriveConstants(traces, machine, known.beside !== undefined),
    );
  }
  return { ...profile, kernels };
}

function sampled({ name, trace }: NamedTrace): FittedTrace {
  const residualNs = trace.header.clock.residualNs.sameRank;
  return {
    name,
    residualNs,
    tasks: taskSamples(trace),
    actors: actorSamples(trace),
    cellNs: cellFlights(trace, worldOf(trace), launchRows(trace)),
  };
}

function pollsOf(traces: readonly FittedTrace[]): readonly Derived[] {
  const polls = fitPolls(traces);
  if (polls === undefined) return [];
  const { statusPollNs, queuePollNs } = polls;
  const names = traces.map(({ name }) => name).join(', ');
  const source = `${fittedSource}iterations of the scheduler: least squares over polls and placements (${names})`;
  return [
    { name: 'statusPollNs', value: Math.round(statusPollNs), source },
    { name: 'queuePollNs', value: Math.round(queuePollNs), source },
  ];
}

/** The profile with its fitted constants at what was assumed before; the kernels' own have no such value and stay. */
export function assumedProfile(profile: MachineProfile): MachineProfile {
  const kernels = Object.entries(profile.kernels).map(
    ([kernel, constants]) => [kernel, withoutFitted(constants)] as const,
  );
  return { ...profile, kernels: Object.fromEntries(kernels) };
}

function withoutFitted({ constants, beside }: KernelConstants): KernelConstants {
  const kept = Object.entries(constants).filter(
    ([, { source }]) => !source.startsWith(fittedSource),
  );
  return { constants: Object.fromEntries(kept), beside };
}

/** A kernel's constants with derived ones in place, in the order of the lists of names. */
function constantsWith(
  { constants, beside }: KernelConstants,
  derived: readonly Derived[],
): KernelConstants {
  const own: Partial<Record<ConstantName, Constant>> = { ...constants };
  const theirs: Partial<Record<BesideName, Constant>> = { ...beside };
  for (const { name, value, source } of derived) {
    if (isBeside(name)) theirs[name] = { value, unit: besideUnits[name], source };
    else own[name] = { value, unit: constantUnits[name], source };
  }
  const sorted = Object.keys(constantUnits).flatMap((name) => {
    const constant = own[name as ConstantName];
    return constant === undefined ? [] : [[name, constant] as const];
  });
  const written: KernelConstants = { constants: Object.fromEntries(sorted) };
  if (beside === undefined) return written;
  return { ...written, beside: theirs as Readonly<Record<BesideName, Constant>> };
}

function isBeside(name: ConstantName | BesideName): name is BesideName {
  return besideNames.some((each) => each === name);
}

/** A profile as its file holds it. */
export function profileText(profile: MachineProfile): string {
  return `${JSON.stringify(profile, null, 2)}\n`;
}
