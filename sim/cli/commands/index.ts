import type { CommandMaker } from '../command.ts';
import { checkCommand } from './check.ts';
import { compareCommand } from './compare.ts';
import { exportCommand } from './export.ts';
import { gpuCommand } from './gpu.ts';
import { reportCommand } from './report.ts';
import { schemaCommand } from './schema.ts';
import { simulateCommand } from './simulate.ts';
import { twinCommand } from './twin.ts';
import { verifyCommand } from './verify.ts';

/** Every command, in the order in which help prints them. */
export const commands: readonly CommandMaker[] = [
  twinCommand,
  simulateCommand,
  checkCommand,
  compareCommand,
  reportCommand,
  exportCommand,
  verifyCommand,
  gpuCommand,
  schemaCommand,
];
