import { type Command, Option } from 'commander';
import { combineTask, shapeOf, taskName } from '../../moe/layout.ts';
import type { Scenario } from '../../moe/scenario.ts';
import { writeAtomically } from '../../report/atomic-write.ts';
import { exportPerfetto } from '../../trace/perfetto.ts';
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
  return describedCommand({
    name: 'export',
    summary: 'write a trace in the format of another tool',
    details: 'perfetto: open the file at https://ui.perfetto.dev.',
    example: 'export runs/one-h200/simulated.ktrace.parquet --format perfetto',
  })
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
      const shape = shapeOf(trace.header.scenario as Scenario);
      const firstCombine = combineTask(shape, 0, 0, 0);
      const bytes = exportPerfetto(
        trace,
        (task) => taskName(shape, task),
        (task) => task >= firstCombine,
      );
      await writeAtomically(target, bytes);
      if (options.json) printJson(terminal, { file: target, bytes: bytes.length });
      else terminal.out(`${target}\n`);
    });
}
