import {
  type ConstantName,
  constantNames,
  constantUnits,
  loadMachineProfile,
  type MachineProfile,
} from '../../sim/machine/index.ts';

/** The H200 profile with some constants replaced. */
export function machineWith(values: Partial<Record<ConstantName, number>>): MachineProfile {
  const profile = loadMachineProfile('h200');
  const constants = { ...profile.constants };
  for (const name of constantNames) {
    const value = values[name];
    if (value !== undefined) constants[name] = { ...constants[name], value, source: 'test' };
  }
  return { ...profile, name: 'test', constants };
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
