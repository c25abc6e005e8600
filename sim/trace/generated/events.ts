// Generated from kernel/include/kerneltwin by `npm run generate`. Do not edit.

/** Event kinds of a trace and their codes. */
export const EventKind = {
  LaunchBegin: 1,
  GateBegin: 2,
  GateEnd: 3,
  BarrierArrive: 4,
  BarrierLeave: 5,
  DispatchBegin: 6,
  DispatchEnd: 7,
  Put: 8,
  CellArrive: 9,
  SignalSent: 10,
  SignalObserved: 11,
  Surplus: 12,
  TasksReady: 13,
  TaskCommitted: 14,
  TaskConsumed: 15,
  TaskStarted: 16,
  TaskFinished: 17,
  ProcessorReady: 18,
  Bound: 19,
  Sweep: 20,
  Interrupt: 21,
  Exit: 22,
} as const;

export type EventKindName = keyof typeof EventKind;

/** What the fields `aux`, `a` and `b` of each kind mean; empty: unused. */
export const eventFields: Readonly<Record<EventKindName, readonly [aux: string, a: string, b: string]>> = {
  LaunchBegin: ['', 'epoch', 'epoch state'],
  GateBegin: ['', '', ''],
  GateEnd: ['', 'tokens gated by this block', ''],
  BarrierArrive: ['', 'phase', 'arrivals before this one'],
  BarrierLeave: ['', 'phase', ''],
  DispatchBegin: ['', '', ''],
  DispatchEnd: ['', 'rows put by this block', ''],
  Put: ['destination rank', 'first heap row', 'rows (20 bits) | column tile + 1 (12 bits)'],
  CellArrive: ['destination rank', 'global expert', 'rows arrived before these'],
  SignalSent: ['destination rank', 'flag index', 'rows (28 bits) | epoch state (4 bits)'],
  SignalObserved: ['source rank', 'flag index', 'rows (28 bits) | epoch state (4 bits)'],
  Surplus: ['peer rank', 'row blocks the peer will send', 'bound after the correction'],
  TasksReady: ['queue', 'first task', 'tasks (12 bits) | ticket (20 bits)'],
  TaskCommitted: ['processor', 'task', 'doorbell sequence'],
  TaskConsumed: ['', 'task', 'doorbell sequence'],
  TaskStarted: ['', 'task', 'doorbell sequence'],
  TaskFinished: ['', 'task', 'GEMM0: tiles of the row block finished before this one'],
  ProcessorReady: ['processor', 'status value seen', ''],
  Bound: ['', 'bound', 'tasks scheduled'],
  Sweep: ['placements', 'empty sweeps before this one', ''],
  Interrupt: ['processor, or 0x8000 + subscriber', '', 'doorbell sequence'],
  Exit: ['', 'abort code', ''],
};

export const warpsPerActorBlock = 32;
export const putRowBits = 20;
export const signalRowBits = 28;
export const readyCountBits = 12;
export const recordBytes = 16;
export const ringHeaderBytes = 48;
export const tickBits = 40;

/** Why a launch ended early, by the code in an Exit event. */
export const abortCodes = ['None', 'Deadline', 'HostRequest', 'QueueOverflow', 'ProtocolError'] as const;
