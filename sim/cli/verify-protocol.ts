import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { mutants } from '../verify/mutants/catalogue.ts';
import { suites } from '../verify/suites.ts';
import { InputError } from './outcome.ts';
import { packageRoot } from './package-info.ts';
import type { Terminal } from './terminal.ts';
import type { SuiteOutcome } from './vitest-report.ts';

/** Names of the suites that judge the kernel's protocol headers under the explorer. */
export function protocolSuites(): readonly string[] {
  return suites.map(({ name }) => name);
}

/**
 * Runs one suite in a process of its own, so that it can be interrupted in the middle of native code. Its lines are
 * progress, printed on `err`.
 */
export async function runProtocolSuite(
  suite: string,
  runs: string | undefined,
  terminal: Terminal,
): Promise<SuiteOutcome> {
  const begin = process.hrtime.bigint();
  const { code, lines } = await runMain([suite, ...(runs === undefined ? [] : [runs])], terminal);
  if (code === 2) throw new Error(lines.at(-1) ?? `suite ${suite} did not run`);
  const held = code === 0;
  return {
    suite,
    passed: held ? 1 : 0,
    failed: held ? 0 : 1,
    seconds: Number(process.hrtime.bigint() - begin) / 1e9,
    failures: held ? [] : [`${suite}\n${lines.slice(-20).join('\n')}`],
  };
}

/** Plants one fault of the catalogue and says which invariant names it. True: it was named by one that must. */
export async function runMutant(id: string, terminal: Terminal): Promise<boolean> {
  const known = mutants.map((mutant) => mutant.id);
  if (!known.includes(id)) {
    throw new InputError(`--mutant: expected one of ${known.join(', ')}, got '${id}'`);
  }
  const { code, lines } = await runMain(['mutant', id], terminal);
  terminal.out(`${lines.join('\n')}\n`);
  if (code === 2) throw new Error(`mutant ${id} could not be built or run`);
  return code === 0;
}

function runMain(
  args: readonly string[],
  terminal: Terminal,
): Promise<{ code: number; lines: readonly string[] }> {
  const root = packageRoot();
  const main = join(root, 'sim', 'verify', 'main.ts');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      signal: terminal.signal,
    });
    let text = '';
    const take = (chunk: string): void => {
      text += chunk;
      if (terminal.interactive) terminal.err(chunk);
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.on('error', (error) =>
      terminal.signal.aborted ? resolve({ code: 130, lines: [] }) : reject(error),
    );
    child.on('close', (code) => resolve({ code: code ?? 130, lines: text.trim().split('\n') }));
  });
}
