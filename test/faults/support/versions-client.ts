import { Agent, request } from 'node:http';
import type { Shown } from './versions-app.js';

/** The application did not answer as it should. */
export class CallFailedError extends Error {
  override readonly name = 'CallFailedError';

  /** @param code what the application said, or the connection, or `no answer` */
  constructor(readonly code: string) {
    super(code);
  }
}

/** Calls the application over HTTP, as its clients do. */
export class VersionsClient {
  readonly #port: number;
  readonly #deadlineMs: number;
  readonly #agent = new Agent({ keepAlive: true });

  /** @param deadlineMs who has no answer by then counts as failed; milliseconds */
  constructor(port: number, deadlineMs: number) {
    this.#port = port;
    this.#deadlineMs = deadlineMs;
  }

  async read(session: string, id: number): Promise<Shown> {
    return (await this.#call('GET', `/counters/${id}`, session)) as Shown;
  }

  async report(session: string, id: number, ms: number): Promise<Shown> {
    return (await this.#call('GET', `/reports/${id}/${ms}`, session)) as Shown;
  }

  async write(session: string, id: number, version: number): Promise<void> {
    await this.#call('PUT', `/counters/${id}`, session, JSON.stringify({ version }));
  }

  close(): void {
    this.#agent.destroy();
  }

  #call(method: string, path: string, session: string, body?: string): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const headers = { 'x-session': session, 'content-type': 'application/json' };
      const call = request(
        { port: this.#port, host: '127.0.0.1', method, path, headers, agent: this.#agent },
        (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('error', reject);
          response.on('end', () => {
            clearTimeout(timer);
            const answer = parse(Buffer.concat(parts).toString());
            if (response.statusCode === 200 && answer.code === undefined) resolve(answer);
            else reject(new CallFailedError(answer.code ?? String(response.statusCode)));
          });
        },
      );
      const timer = setTimeout(() => call.destroy(new CallFailedError('no answer')), this.#deadlineMs);
      call.on('error', (error: NodeJS.ErrnoException) => {
        clearTimeout(timer);
        reject(error instanceof CallFailedError ? error : new CallFailedError(error.code ?? error.message));
      });
      call.end(body);
    });
  }
}

/** An empty answer is a row that was not found. */
function parse(text: string): { code?: string } {
  return text === '' ? { code: 'no row' } : (JSON.parse(text) as { code?: string });
}
