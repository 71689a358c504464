import { Agent, request } from 'node:http';
import { seededRandom } from '../../support/random.js';
import { keepBusy } from './measure.js';

export const SOAK_SESSIONS = 1_024;
const CONCURRENCY = 64;
const WRITE_SHARE = 0.1;

/**
 * HTTP requests of sessions that each have a row of their own. One request in ten writes the row, and the others have to read what
 * was written last. A session makes one request at a time.
 */
export class SoakLoad {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
  readonly #random = seededRandom(1);
  readonly #written = new Map<number, number>();
  /** Sessions that have no request under way. */
  readonly #idle = Array.from({ length: SOAK_SESSIONS }, (_, index) => index + 1);

  constructor(port: number) {
    this.#port = port;
  }

  async run(requests: number): Promise<void> {
    await keepBusy({ concurrency: CONCURRENCY, call: () => this.#step() }, { afterCalls: requests });
  }

  end(): void {
    this.#agent.destroy();
  }

  async #step(): Promise<void> {
    const session = this.#idle.shift() as number;
    const known = this.#written.get(session) ?? 0;
    if (this.#random() < WRITE_SHARE) {
      await this.#call('PATCH', session, { value: known + 1 });
      this.#written.set(session, known + 1);
    } else {
      const row = (await this.#call('GET', session)) as { id: number; value: number };
      if (row.id !== session || row.value !== known)
        throw new Error(`session ${session} wrote ${known} and read ${JSON.stringify(row)}`);
    }
    this.#idle.push(session);
  }

  #call(method: string, session: number, body?: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const call = request(
        {
          host: '127.0.0.1',
          port: this.#port,
          method,
          path: `/items/${session}`,
          headers: { 'x-session': `session-${session}`, 'content-type': 'application/json' },
          agent: this.#agent,
        },
        (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(parts).toString();
            if (response.statusCode === 200) resolve(JSON.parse(text));
            else reject(new Error(`${response.statusCode}: ${text}`));
          });
        },
      );
      call.on('error', reject);
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}
