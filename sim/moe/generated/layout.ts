// Generated from kernel/include/kerneltwin by `npm run generate`. Do not edit.

export const rowStep = 8;
export const rounds = 2;
export const stages = 2;
export const Round = { Dispatch: 0, Combine: 1 } as const;
export const Stage = { Outgoing: 0, Incoming: 1 } as const;
export const Op = { Gemm0: 0, Gemm1: 1, Combine: 2 } as const;
export const epochStates = 4;
export const stateBits = 3;
export const rowsBits = 28;
export const tilesBits = 28;
export const tagBits = 24;
export const firstBits = 28;
export const countBits = 12;
export const sequenceBits = 31;
