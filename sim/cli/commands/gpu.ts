import type { Command } from 'commander';
import type { Settle } from '../command.ts';
import { describedCommand } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { gpuBenchCommand } from './gpu-bench.ts';
import { gpuInfoCommand } from './gpu-info.ts';
import { gpuRunCommand } from './gpu-run.ts';

/** `kerneltwin gpu`: the real kernel on this machine. */
export function gpuCommand(terminal: Terminal, settle: Settle): Command {
  const command = describedCommand({
    name: 'gpu',
    summary: 'the real kernel on the GPUs of this machine',
    example: 'gpu info',
  });
  command.addCommand(gpuInfoCommand(terminal));
  command.addCommand(gpuRunCommand(terminal, settle));
  command.addCommand(gpuBenchCommand(terminal, settle));
  return command;
}
