/** The discrete-event engine, on its own: it depends on nothing else in the project. */
export { EventQueue } from './event-queue.ts';
export { FluidResource } from './fluid.ts';
export { FluidBank, type FluidBankSizes } from './fluid-bank.ts';
export { LaneSimulation, type LaneSizes } from './lanes.ts';
export { type BankSizes, ShareBank } from './share-bank.ts';
export { type EventHook, type Handler, Simulation, type Timeline } from './simulation.ts';
