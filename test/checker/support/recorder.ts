import { type Agent, request } from 'node:http';
import type { Operation } from './history.js';

/** One request of a session. */
export interface Call {
  readonly session: number;
  readonly kind: Operation['kind'];
  /** Default: GET to read, PUT to write. */
  readonly method?: 'GET' | 'PUT';
  readonly key: number;
  readonly process: number;
  /** What follows the register in the path: how it is read or written. */
  readonly how?: string;
}

interface Answer {
  readonly value: number;
  readonly node: string;
  readonly kind?: Operation['kind'];
  readonly before?: number;
}

/** Sends requests and records what their sessions were shown. */
export class Recorder {
  readonly operations: Operation[] = [];
  failed = 0;
  readonly #ports: readonly number[];
  readonly #agent: Agent;
  readonly #startMs = performance.now();
  /** The last token of each session. */
  readonly #tokens = new Map<number, string>();

  constructor(ports: readonly number[], agent: Agent) {
    this.#ports = ports;
    this.#agent = agent;
  }

  /** Gives the value that was shown; `undefined`: the request failed. */
  async call(call: Call): Promise<number | undefined> {
    const { session, key, process } = call;
    const beganMs = performance.now() - this.#startMs;
    try {
      const { value, node, kind = call.kind, before } = await this.#send(call);
      const endedMs = performance.now() - this.#startMs;
      const operation = { session, kind, key, value, beganMs, endedMs, process, node };
      if (before === undefined) {
        this.operations.push(operation);
      } else {
        const midMs = (beganMs + endedMs) / 2;
        this.operations.push({ ...operation, value: before, endedMs: midMs, node: 'the primary' });
        this.operations.push({ ...operation, beganMs: midMs + 0.001 });
      }
      return value;
    } catch {
      this.failed++;
      return undefined;
    }
  }

  #send({
    session,
    kind,
    key,
    process,
    how = '',
    method = kind === 'read' ? 'GET' : 'PUT',
  }: Call): Promise<Answer> {
    const token = this.#tokens.get(session);
    return new Promise((resolve, reject) => {
      const call = request(
        {
          host: '127.0.0.1',
          port: this.#ports[process % this.#ports.length],
          path: `/registers/${key}${how}`,
          method,
          headers: {
            'x-session': `session-${session}`,
            ...(token === undefined ? {} : { 'x-token': token }),
          },
          agent: this.#agent,
          timeout: 8_000,
        },
        (response) => {
          let text = '';
          response.on('data', (part) => (text += String(part)));
          response.on('error', reject);
          response.on('end', () => {
            const given = response.headers['x-token'];
            if (typeof given === 'string') this.#tokens.set(session, given);
            if (response.statusCode === 200) resolve(JSON.parse(text) as Answer);
            else reject(new Error(text));
          });
        },
      );
      call.on('timeout', () => call.destroy(new Error('no answer')));
      call.on('error', reject);
      call.end();
    });
  }
}
