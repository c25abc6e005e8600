import {
  type BesideName,
  besideNames,
  type ConstantName,
  constantNames,
  constantUnits,
  loadMachineProfile,
  type MachineProfile,
} from '../../sim/machine/index.ts';

/** The H200 profile with some constants replaced, in the kernels too. */
export function machineWith(values: Partial<Record<ConstantName, number>>): MachineProfile {
  const profile = loadMachineProfile('h200');
  const constants = { ...profile.constants };
  for (const name of constantNames) {
    const value = values[name];
    if (value !== undefined) constants[name] = { ...constants[name], value, source: 'test' };
  }
  const kernels = Object.fromEntries(
    Object.entries(profile.kernels).map(([kernel, own]) => {
      const kept = Object.entries(own.constants).filter(([name]) => !Object.hasOwn(values, name));
      return [kernel, { ...own, constants: Object.fromEntries(kept) }];
    }),
  );
  return { ...profile, name: 'test', constants, kernels };
}

/** A machine whose wgmma kernel has some of its own constants replaced. */
export function besideWith(
  values: Partial<Record<BesideName, number>>,
  machine: MachineProfile = loadMachineProfile('h200'),
): MachineProfile {
  const wgmma = machine.kernels['wgmma']!;
  const beside = { ...wgmma.beside! };
  for (const name of besideNames) {
    const value = values[name];
    if (value !== undefined) beside[name] = { ...beside[name], value, source: 'test' };
  }
  return { ...machine, kernels: { ...machine.kernels, wgmma: { ...wgmma, beside } } };
}

const unbounded = 1e15;

/** Nothing is shared but the SMs: memory, L2 and links serve any amount within a tick. */
export const unboundedMemory: Partial<Record<ConstantName, number>> = {
  hbmBytesPerNs: unbounded,
  smHbmBytesPerNs: unbounded,
  smL2BytesPerNs: unbounded,
  smCopyBytesPerNs: unbounded,
  linkBytesPerNs: unbounded,
  smLinkBytesPerNs: unbounded,
};

/** No action takes time but the tensor work of GEMM tiles: polls, signals, doorbells and fixed parts are free. */
export function latencyFree(): MachineProfile {
  const latencies = constantNames.filter((name) => constantUnits[name].startsWith('ns'));
  return machineWith({
    ...unboundedMemory,
    ...Object.fromEntries(latencies.map((name) => [name, 0])),
    blockShare: 1,
    tensorFlopPerNs: 1000,
  });
}
