import type { Command } from 'commander';
import { scenarioJsonSchema } from '../../moe/scenario-schema.ts';
import { describedCommand, printJson } from '../command.ts';
import type { Terminal } from '../terminal.ts';

/** `kerneltwin schema`: the JSON Schema of scenario files. */
export function schemaCommand(terminal: Terminal): Command {
  return describedCommand({
    name: 'schema',
    summary: 'print the JSON Schema of scenario files',
    details: 'For completion and checks in editors.',
    example: 'schema > scenario.schema.json',
  })
    .option('--json', 'accepted for symmetry: the output is JSON in any case')
    .action(() => printJson(terminal, scenarioJsonSchema()));
}
