import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { AppUnderFault } from '../../faults/support/app-under-fault.js';
import { LoadedApp, type LoadedAppOptions } from '../../faults/support/loaded-app.js';

/** A call from one process to the application in another one. */
interface Call {
  readonly id: number;
  readonly method: keyof AppUnderFault;
  readonly args: readonly unknown[];
}

/** What comes back. */
interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** The id of what is answered without having been asked: whether the application has started. */
const STARTED = 0;

/** The application's process has ended though nobody asked it to, or never began to serve. */
export class AppEndedError extends Error {
  override readonly name = 'AppEndedError';

  constructor(readonly reason: string) {
    super(`the application has ended: ${reason}`);
  }
}

/** In the application's own process: starts it and does what is asked, until the other side is gone. */
export async function serveApp(options: LoadedAppOptions): Promise<void> {
  const send = (answer: Answer): void => void process.send?.(answer);
  let app: LoadedApp | undefined;
  // Before the application starts: what it leaves behind is counted by what was there before it.
  process.once('disconnect', () => process.exit());
  process.on('message', ({ id, method, args }: Call) => {
    const act = app?.[method] as (...all: unknown[]) => Promise<unknown>;
    act.apply(app, [...args]).then(
      (result) => send({ id, result: result ?? null }),
      (error: unknown) => send({ id, error: String(error) }),
    );
  });
  try {
    app = await LoadedApp.start(options);
    send({ id: STARTED });
  } catch (error) {
    send({ id: STARTED, error: textOf(error) });
  }
}

/** Starts the application in a process of its own. */
export async function startRemoteApp(
  program: string,
  options: LoadedAppOptions,
): Promise<{ app: AppUnderFault; end: () => Promise<void> }> {
  const child = fork(program, {
    env: { ...process.env, FAULTS_APP: JSON.stringify(options) },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  const calls = new RemoteCalls(child);
  const end = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    if (child.connected) child.disconnect();
    await ended;
  };
  try {
    await calls.started;
  } catch (error) {
    await end();
    throw error;
  }
  const app = new Proxy({} as AppUnderFault, {
    get: (_, method) =>
      method === 'then' ? undefined : (...args: unknown[]) => calls.call(method as keyof AppUnderFault, args),
  });
  return { app, end };
}

interface Waiter {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

class RemoteCalls {
  readonly started: Promise<unknown>;
  readonly #child: ChildProcess;
  readonly #waiters = new Map<number, Waiter>();
  #lastId = STARTED;
  #stderr = '';
  #ended: AppEndedError | undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.started = this.#answerTo(STARTED);
    child.stderr?.on('data', (text: Buffer) => (this.#stderr = (this.#stderr + String(text)).slice(-4_000)));
    child.on('message', ({ id, result, error }: Answer) => {
      const waiter = this.#waiters.get(id);
      this.#waiters.delete(id);
      if (error === undefined) waiter?.resolve(result);
      else waiter?.reject(id === STARTED ? new AppEndedError(error) : new Error(error));
    });
    // Its last words may come after the news of its end.
    child.on('close', (code, signal) => this.#hasEnded(signal ?? `exit code ${code}`));
  }

  call(method: keyof AppUnderFault, args: readonly unknown[]): Promise<unknown> {
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
