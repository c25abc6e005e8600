import type { Command } from 'commander';
import { gpuInfo } from '../../gpu/gpu-info.ts';
import { describedCommand, printJson } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { textTable } from '../text-table.ts';

/** `kerneltwin gpu info`: what the kernel library finds here. */
export function gpuInfoCommand(terminal: Terminal): Command {
  return describedCommand({
    name: 'info',
    summary: 'print the kernel library and the GPUs it finds',
    details: 'Exit 2 where there is no library or no GPU.',
    example: 'gpu info --json',
  })
    .option('--library <file>', 'kernel library instead of build/kernel')
    .option('--json', 'print as JSON')
    .action(async (options: { library?: string; json?: boolean }) => {
      const info = await gpuInfo({ library: options.library });
      if (options.json) {
        printJson(terminal, info);
        return;
      }
      const rows = info.devices.map((device) => [
        String(device.device),
        device.name,
        String(device.sms),
        `sm_${device.capability}`,
        `${(device.clockKhz / 1e6).toFixed(2)} GHz`,
        `${(device.memoryBytes / 2 ** 30).toFixed(0)} GiB`,
        String(device.residentBlocks),
      ]);
      terminal.out(`${info.library} (${info.libraryPath})\n\n`);
      const head = ['GPU', 'name', 'SMs', 'architecture', 'clock', 'memory', 'resident blocks'];
      terminal.out(textTable(head, rows, 'text'));
    });
}
