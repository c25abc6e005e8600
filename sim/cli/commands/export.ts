import type { Command } from 'commander';
import { Option } from 'commander';
import { writeAtomically } from '../../report/atomic-write.ts';
import { perfettoTrace } from '../../trace/perfetto.ts';
import { traceExtension } from '../../trace/store.ts';
import { describedCommand, printJson } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { openTrace } from '../trace-file.ts';

interface Options {
  readonly format: 'perfetto';
  readonly out?: string;
  readonly json?: boolean;
}

/** `kerneltwin export`: a trace in the format of another tool. */
export function exportCommand(terminal: Terminal): Command {
  return describedCommand(
    'export',
    'Write a trace in the format of another tool. perfetto: open the file at https://ui.perfetto.dev.',
    'export runs/one-h200/simulated.ktrace.parquet --format perfetto',
  )
    .argument('<trace>', 'trace file')
    .addOption(
      new Option('--format <name>', 'target format').choices(['perfetto']).default('perfetto'),
    )
    .option('-o, --out <file>', 'file to write; default: beside the trace, *.perfetto-trace')
    .option('--json', 'print the file written as JSON')
    .action(async (file: string, options: Options) => {
      const trace = await openTrace(file);
      const stem = file.endsWith(traceExtension) ? file.slice(0, -traceExtension.length) : file;
      const target = options.out ?? `${stem}.perfetto-trace`;
      const bytes = perfettoTrace(trace);
      await writeAtomically(target, bytes);
      if (options.json) printJson(terminal, { file: target, bytes: bytes.length });
      else terminal.out(`${target}\n`);
    });
}
