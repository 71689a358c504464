import type { ServerResponse } from 'node:http';

/** What changes headers, with the word that Node's error has for it when they have left. */
const HEADER_CALLS = [
  ['setHeader', refusing('set')],
  ['setHeaders', refusing('set')],
  ['appendHeader', refusing('append')],
  ['removeHeader', refusing('remove')],
  ['writeHead', refusing('write')],
] as const;

/**
 * Has a response look as if what is held back had been sent. Then nobody begins a second answer, and whoever would change the headers
 * gets Node's own error. Otherwise the first body would leave with the status and the headers of the second.
 */
export class SentPretence {
  readonly #response: ServerResponse;
  /** What the response has of its own in place of what is pretended. `undefined`: its headers are not pretended to have left. */
  #own: Map<string, unknown> | undefined;
  #statusCode = 0;

  constructor(response: ServerResponse) {
    this.#response = response;
  }

  headersLeft(): void {
    if (this.#own !== undefined || this.#response.headersSent) return;
    this.#own = new Map();
    this.#statusCode = this.#response.statusCode;
    pretend(this.#response, 'headersSent');
    for (const [name, refuse] of HEADER_CALLS) this.#replace(name, refuse);
    // Other wrappers of the response call this before they pass on what they were given. It sends no more than the headers.
    this.#replace('_implicitHeader', () => {
      this.#restoreHeaders();
      (this.#response as unknown as Record<string, () => void>)['_implicitHeader']?.();
    });
  }

  ended(): void {
    pretend(this.#response, 'writableEnded');
  }

  /** From now on the response tells what is true. */
  stop(): void {
    this.#restoreHeaders();
    delete (this.#response as { writableEnded?: boolean }).writableEnded;
  }

  #replace(name: string, by: () => void): void {
    const response = this.#response as unknown as Record<string, unknown>;
    if (!(name in response)) return;
    this.#own?.set(name, Object.hasOwn(response, name) ? response[name] : undefined);
    response[name] = by;
  }

  #restoreHeaders(): void {
    const own = this.#own;
    if (own === undefined) return;
    this.#own = undefined;
    const response = this.#response as unknown as Record<string, unknown>;
    delete response['headersSent'];
    for (const [name, value] of own) {
      if (value === undefined) delete response[name];
      else response[name] = value;
    }
    this.#response.statusCode = this.#statusCode;
  }
}

function pretend(response: ServerResponse, property: 'headersSent' | 'writableEnded'): void {
  Object.defineProperty(response, property, { configurable: true, get: () => true });
}

function refusing(what: string): () => never {
  return () => {
    const message = `Cannot ${what} headers after they are sent to the client`;
    throw Object.assign(new Error(message), { code: 'ERR_HTTP_HEADERS_SENT' });
  };
}
