import { runCommandLine } from '../../libs/replica/src/cli/run-command-line.js';
import type { Terminal } from '../../libs/replica/src/cli/terminal.js';

/** What a command printed and ended with. */
export interface CommandOutcome {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command line in this process. Without changes there is no terminal, and the environment is empty. */
export async function command(
  args: readonly string[],
  changes: Partial<Terminal> = {},
): Promise<CommandOutcome> {
  let out = '';
  let err = '';
  const exitCode = await runCommandLine(args, {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    isTty: false,
    columns: 200,
    env: {},
    cwd: process.cwd(),
    version: '1.2.3',
    signal: new AbortController().signal,
    ...changes,
  });
  return { exitCode, out, err };
}
