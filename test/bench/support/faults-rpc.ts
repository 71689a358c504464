import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { AppUnderFault } from '../../faults/support/app-under-fault.js';
import { LoadedApp, type LoadedAppOptions } from '../../faults/support/loaded-app.js';

/** What an application's process can be asked to do. */
type Method = 'start' | keyof AppUnderFault;

/** A call from one process to the application in another one. */
interface Call {
  readonly id: number;
  readonly method: Method;
  readonly args: readonly unknown[];
}

/** What comes back. */
interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** The application's process ended although nobody asked it to, or never began to serve. */
export class AppEndedError extends Error {
  override readonly name = 'AppEndedError';

  constructor(readonly reason: string) {
    super(`the application has ended: ${reason}`);
  }
}

/** The side of the application's process. Starts the application when told to, and does what is asked until the other side is gone. */
export function serveApp(): void {
  const send = (answer: Answer): void => void process.send?.(answer);
  let app: LoadedApp | undefined;
  // Counted before the application starts, to find out what it leaves behind.
  process.once('disconnect', () => process.exit());
  process.on('message', ({ id, method, args }: Call) => {
    const act = (
      method === 'start'
        ? async (options: LoadedAppOptions) => void (app = await LoadedApp.start(options))
        : app?.[method]
    ) as (...all: unknown[]) => Promise<unknown>;
    act.apply(app, [...args]).then(
      (result) => send({ id, result: result ?? null }),
      (error: unknown) => send({ id, error: textOf(error) }),
    );
  });
}

/** A process that is ready to become an application. */
export interface RemoteApp {
  /** @throws AppEndedError if it does not start */
  start(options: LoadedAppOptions): Promise<AppUnderFault>;
  end(): Promise<void>;
}

/** Starts a process for an application in advance, because loading the code takes a while. */
export function forkApp(program: string): RemoteApp {
  const child = fork(program, { stdio: ['ignore', 'ignore', 'pipe', 'ipc'], execArgv: [] });
  const calls = new RemoteCalls(child);
  const app = new Proxy({} as AppUnderFault, {
    get: (_, method) =>
      method === 'then' ? undefined : (...args: unknown[]) => calls.call(method as keyof AppUnderFault, args),
  });
  return {
    start: async (options) => {
      try {
        await calls.call('start', [options]);
      } catch (error) {
        throw error instanceof AppEndedError ? error : new AppEndedError((error as Error).message);
      }
      return app;
    },
    end: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

interface Waiter {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

class RemoteCalls {
  readonly #child: ChildProcess;
  readonly #waiters = new Map<number, Waiter>();
  #lastId = 0;
  #stderr = '';
  #ended: AppEndedError | undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stderr?.on('data', (text: Buffer) => (this.#stderr = (this.#stderr + String(text)).slice(-4_000)));
    child.on('message', ({ id, result, error }: Answer) => {
      const waiter = this.#waiters.get(id);
      this.#waiters.delete(id);
      if (error === undefined) waiter?.resolve(result);
      else waiter?.reject(new Error(error));
    });
    // Its last words may come after the news of its end.
    child.on('close', (code, signal) => this.#hasEnded(signal ?? `exit code ${code}`));
  }

  call(method: Method, args: readonly unknown[]): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    this.#lastId++;
    const answer = this.#answerTo(this.#lastId);
    this.#child.send({ id: this.#lastId, method, args } satisfies Call);
    return answer;
  }

  #answerTo(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiters.set(id, { resolve, reject }));
  }

  #hasEnded(how: string): void {
    const word = /^.*(?:Error|error): .*$/m.exec(this.#stderr)?.[0].trim();
    this.#ended = new AppEndedError(word === undefined ? how : `${how}, ${word}`);
    for (const { reject } of this.#waiters.values()) reject(this.#ended);
    this.#waiters.clear();
  }
}

function textOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return String(error);
  const { code, message, errors } = error as { code?: string; message?: string; errors?: unknown[] };
  return message || code || (errors?.[0] === undefined ? 'unknown error' : textOf(errors[0]));
}
