/** Machines as data, and what work costs on them. */
export {
  type Constant,
  type ConstantName,
  constantNames,
  constantUnits,
  type Machine,
} from './constants.ts';
export {
  combineTileNs,
  gateBlockNs,
  gemmTileWork,
  sharedMachine,
  storeNs,
  tileBytes,
} from './cost-model.ts';
export { Fabric, type FabricConstants } from './fabric.ts';
export { MachineError } from './machine-error.ts';
export {
  loadMachineProfile,
  type MachineProfile,
  machineOf,
  parseMachineProfile,
  profileNames,
} from './profile.ts';
