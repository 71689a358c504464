import { ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { ProcessKind } from './watchdog.js';
import { Workplace } from './workplace.js';

/** What a {@link ServerProcess} runs. */
export interface ProcessCommand {
  /** The path of the program. */
  readonly program: string;
  readonly args: readonly string[];
  /** How the watchdog ends it. */
  readonly kind: ProcessKind;
  readonly logFile: string;
}

/** One run of a database's program, from start to end. */
export class ServerProcess {
  readonly #child: ChildProcess;
  #ending: string | undefined;

  /** Starts the program and appends its output to `logFile`. If this process ends first, the watchdog ends the program. */
  constructor({ folder, user, watchdog }: Workplace, { program, args, kind, logFile }: ProcessCommand) {
    const log = openSync(logFile, 'a', 0o640);
    try {
      this.#child = spawn(program, args, {
        ...user,
        cwd: folder,
        // Leaves out the user's PG* and MYSQL* variables. The messages are in English, because this code reads them.
        env: { PATH: process.env['PATH'], LC_ALL: 'C' },
        // In a session of its own, because Ctrl-C in a terminal would shut the servers down one by one.
        detached: true,
        stdio: ['ignore', log, log],
      });
    } finally {
      closeSync(log);
    }
    const { pid } = this.#child;
    if (pid !== undefined) watchdog.own(pid, kind);
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
