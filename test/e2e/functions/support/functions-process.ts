import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { PostgresCluster } from 'nestjs-replica/testing';
import { keepOutput } from '../../../support/quiet/keep-output.js';

type Message = { port?: number; armed?: boolean; event?: string; error?: string };

/** An application in a process of its own, whose functions do what the test says. */
export class FunctionsProcess {
  /** What would have ended a process without a listener for it. */
  readonly deaths: string[] = [];
  readonly #child: ChildProcess;
  #url = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    keepOutput(child.stdout);
    keepOutput(child.stderr);
    child.on('message', ({ event, error }: Message) => {
      if (event !== undefined) this.deaths.push(`${event}: ${error}`);
    });
  }

  static async start(
    cluster: PostgresCluster,
    settings: { readonly platform: string; readonly sessions: string },
  ): Promise<FunctionsProcess> {
    const nodes = cluster.nodes.map(({ name, url }) => ({ name, url }));
    const child = fork('./test/e2e/functions/support/functions-app.ts', {
      execArgv: ['--import', './test/support/typescript/register.mjs'],
      env: { ...process.env, NODE_OPTIONS: '', APP_SETTINGS: JSON.stringify({ ...settings, nodes }) },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    const started = new FunctionsProcess(child);
    const { port } = await started.#next((message) => message.port !== undefined);
    started.#url = `http://127.0.0.1:${port}`;
    return started;
  }

  /** From now on the function at this point has this fault; without any, none has. */
  async arm(point?: string, fault?: string): Promise<void> {
    const armed = this.#next((message) => message.armed === true);
    this.#child.send({ point, fault });
    await armed;
  }

  /** The status of the answer; fails where there is none. */
  async call(method: 'GET' | 'POST', path: string, session?: string): Promise<number> {
    const response = await fetch(this.#url + path, {
      method,
      headers: session === undefined ? {} : { 'x-session': session },
      signal: AbortSignal.timeout(20_000),
    });
    await response.arrayBuffer();
    return response.status;
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, 'exit');
    this.#child.disconnect();
    await ended;
  }

  #next(isIt: (message: Message) => boolean): Promise<Message> {
    return new Promise((resolve, reject) => {
      const ended = (code: unknown): void => reject(new Error(`the application ended with ${String(code)}`));
      const read = (message: Message): void => {
        if (!isIt(message)) return;
        this.#child.off('message', read);
        this.#child.off('exit', ended);
        resolve(message);
      };
      this.#child.on('message', read);
      this.#child.once('exit', ended);
    });
  }
}
