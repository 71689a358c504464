/** What one client of the application sees; a client with a session id sends it along. */
export class Client {
  constructor(
    private readonly baseUrl: string,
    private readonly sessionId?: string,
  ) {}

  get(path: string) {
    return this.send(path, {});
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
