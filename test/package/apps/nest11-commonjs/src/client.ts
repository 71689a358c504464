import { setTimeout as delay } from 'node:timers/promises';

const GIVE_UP_MS = 10_000;

/** What one client of the application sees; a client with a session id sends it along. */
export class Client {
  constructor(
    private readonly baseUrl: string,
    private readonly sessionId?: string,
  ) {}

  get(path: string) {
    return this.send(path, {});
  }

  /** Reads until a replica answers: the application hears of what replicas have replayed with its next probe. */
  async getFromReplica(path: string) {
    const deadline = Date.now() + GIVE_UP_MS;
    let answer = await this.get(path);
    while (!answer.node?.startsWith('replica-') && Date.now() < deadline) {
      await delay(20);
      answer = await this.get(path);
    }
    return answer;
  }

  post(path: string, body: object) {
    return this.send(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  private async send(path: string, init: RequestInit) {
    const headers = new Headers(init.headers);
    if (this.sessionId) headers.set('x-session-id', this.sessionId);
    const response = await fetch(new URL(path, this.baseUrl), { ...init, headers });
    return {
      status: response.status,
      node: response.headers.get('x-replica-node'),
      body: await response.json(),
    };
  }
}
