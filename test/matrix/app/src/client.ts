import { setTimeout as delay } from 'node:timers/promises';

const GIVE_UP_MS = 60_000;

export interface Answer {
  readonly status: number;
  readonly node: string | null;
  // oxlint-disable-next-line typescript/no-explicit-any -- whatever the route gives
  readonly body: any;
}

/** What one client of the application sees; a client with a session sends its name along. */
export class Client {
  constructor(
    private readonly baseUrl: string,
    private readonly session?: string,
  ) {}

  get(path: string): Promise<Answer> {
    return this.#send(path, {});
  }

  post(path: string, body: object): Promise<Answer> {
    return this.#send(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  /** Reads until a replica answers: the application hears of what replicas have replayed with its next probe. */
  getFromReplica(path: string): Promise<Answer> {
    return until(
      () => this.get(path),
      ({ node }) => node?.startsWith('replica-') === true,
    );
  }

  async #send(path: string, init: RequestInit): Promise<Answer> {
    const headers = new Headers(init.headers);
    if (this.session !== undefined) headers.set('x-session-id', this.session);
    const response = await fetch(new URL(path, this.baseUrl), { ...init, headers });
    const body = (await response.json()) as unknown;
    return { status: response.status, node: response.headers.get('x-replica-node'), body };
  }
}

/** Asks until the answer passes, and returns that; fails when it never does. */
export async function until<T>(ask: () => T | Promise<T>, passes: (answer: T) => boolean): Promise<T> {
  const giveUpAt = Date.now() + GIVE_UP_MS;
  for (;;) {
    const answer = await ask();
    if (passes(answer)) return answer;
    if (Date.now() > giveUpAt) throw new Error(`still ${JSON.stringify(answer)}`);
    await delay(20);
  }
}
