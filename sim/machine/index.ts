/** Machines as data, and what work costs on them. */
export {
  type Beside,
  type BesideName,
  besideNames,
  besideUnits,
  type Constant,
  type ConstantName,
  constantNames,
  constantUnits,
  type KernelConstants,
  type Machine,
} from './constants.ts';
export {
  combineTileNs,
  countGroups,
  gateBlockNs,
  gemmTileWork,
  sharedMachine,
  storeNs,
  tileBytes,
} from './cost-model.ts';
export { Fabric, type FabricConstants } from './fabric.ts';
export { MachineError } from './machine-error.ts';
export {
  besideOf,
  loadMachineProfile,
  type MachineProfile,
  machineOf,
  parseMachineProfile,
  profileNames,
} from './profile.ts';
