import { ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { FreshClone } from './fresh-clone.js';

/** A command in a clone, in a process group of its own, as a terminal would make it. */
export class Program {
  /** All that it has written, to both outputs. */
  readonly lines: string[] = [];
  /** Resolves when it has ended and its outputs are closed: its exit code, else the signal. */
  readonly ended: Promise<number | string>;
  readonly #process: ChildProcess;
  readonly #onLine = new Set<(line: string) => void>();

  constructor(
    clone: Pick<FreshClone, 'folder' | 'temporaryFolder'>,
    [file, ...args]: string[],
    env: Record<string, string> = {},
  ) {
    const { DATABASE_URL: _, DATABASE_READ_REPLICA_URL: __, NODE_OPTIONS: ___, ...inherited } = process.env;
    this.#process = spawn(file ?? '', args, {
      cwd: clone.folder,
      env: { ...inherited, PORT: '0', TMPDIR: clone.temporaryFolder, ...env },
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const output of [this.#process.stdout, this.#process.stderr]) {
      if (output === null) continue;
      createInterface({ input: output }).on('line', (line) => {
        this.lines.push(line);
        for (const listener of this.#onLine) listener(line);
      });
    }
    this.ended = new Promise((resolve) =>
      this.#process.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown')),
    );
  }

  get output(): string {
    return this.lines.join('\n');
  }

  /** Resolves with the first line that matches; rejects when the program ends without one. */
  async line(pattern: RegExp): Promise<RegExpExecArray> {
    const match = (line: string): RegExpExecArray | null => pattern.exec(line);
    for (const line of this.lines) {
      const found = match(line);
      if (found !== null) return found;
    }
    return await new Promise((resolve, reject) => {
      const listener = (line: string): void => {
        const found = match(line);
        if (found === null) return;
        this.#onLine.delete(listener);
        resolve(found);
      };
      this.#onLine.add(listener);
      void this.ended.then((how) =>
        reject(new Error(`ended (${how}) without ${String(pattern)}:\n${this.output}`)),
      );
    });
  }

  /** Where the shop listens, once it does. */
  async url(): Promise<string> {
    return (await this.line(/^listening on (http:\S+)$/))[1] ?? '';
  }

  /** To the program alone. */
  signal(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  /** To the program and all that it has started in the foreground: what a terminal does at Ctrl-C. */
  signalGroup(signal: NodeJS.Signals): void {
    if (this.#process.pid !== undefined) process.kill(-this.#process.pid, signal);
  }

  /** Ends it, whatever state it is in. */
  async kill(): Promise<void> {
    try {
      this.signalGroup('SIGKILL');
    } catch {
      // It has ended before.
    }
    await this.ended;
  }
}
