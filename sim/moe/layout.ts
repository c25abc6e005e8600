/** The whole layout of a world, as kernel/include/kerneltwin/layout defines it, under one name. */
export * from './generated/layout.ts';
export * from './heap.ts';
export * from './shape.ts';
export * from './shape-of.ts';
export * from './task.ts';
