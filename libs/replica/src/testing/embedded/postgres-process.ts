import { ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import path from 'node:path';
import { Workplace } from './workplace.js';

/** One run of a program of PostgreSQL, from its start to its end. */
export class PostgresProcess {
  readonly #child: ChildProcess;
  #ending: string | undefined;

  /** Starts `program` with its output appended to `logFile`. The watchdog ends it when this process ends before it. */
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
        // None of the user's PG* variables, and messages in English: they are read.
        env: { PATH: process.env['PATH'], LC_ALL: 'C' },
        // A session of its own: Ctrl-C in a terminal would shut the servers down one by one.
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

  /** 0 when the program could not be started. */
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
