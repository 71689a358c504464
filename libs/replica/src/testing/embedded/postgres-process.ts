import { ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { Workplace } from './workplace.js';

/** One run of a PostgreSQL program, from start to end. */
export class PostgresProcess {
  readonly #child: ChildProcess;
  #ending: string | undefined;

  /** Starts `program` and appends its output to `logFile`. If this process ends first, the watchdog ends the program. */
  constructor(
    workplace: Workplace,
    { program, args, logFile }: { program: 'initdb' | 'postgres'; args: readonly string[]; logFile: string },
  ) {
    const { binFolder, folder, user, watchdog } = workplace;
    const log = openSync(logFile, 'a', 0o640);
    try {
      this.#child = spawn(path.join(binFolder, program), args, {
        ...user,
        cwd: folder,
        // Leaves out the user's PG* variables. The messages are in English, because this code reads them.
        env: { PATH: process.env['PATH'], LC_ALL: 'C' },
        // In a session of its own, because Ctrl-C in a terminal would shut the servers down one by one.
        detached: true,
        stdio: ['ignore', log, log],
      });
    } finally {
      closeSync(log);
    }
    const { pid } = this.#child;
    if (pid !== undefined) watchdog.own(pid, program === 'initdb' ? 'setup' : 'server');
    this.#child.once('exit', (code, signalName) => {
      this.#ending ??= signalName ? `ended by ${signalName}` : `ended with exit code ${code}`;
      if (pid !== undefined) watchdog.disown(pid);
    });
    this.#child.once('error', (error) => (this.#ending ??= error.message));
    this.#child.unref();
  }

  /** 0 if the program could not be started. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** How it ended; undefined while it runs. */
  get ending(): string | undefined {
    return this.#ending;
  }

  get exitCode(): number | null {
    return this.#child.exitCode;
  }
}
