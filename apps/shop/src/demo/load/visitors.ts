import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** What visitors have found. */
export interface Tally {
  requests: number;
  /** Requests without an answer, or with an error of the server. */
  failed: number;
  /** Reads that did not show what the same visitor had written. */
  stale: number;
}

const READERS = 12;
const WRITERS = 4;
const PRODUCTS = 1_000;
/** How long a visitor thinks between two requests, on average; milliseconds. */
const THINKING_MS = 200;
/** How long a visitor waits for an answer. */
const MAX_MS = 3_000;

/** Lets readers and writers use the shop until `signal`. Resolves when all have left. */
export async function visitShop(url: string, tally: Tally, signal: AbortSignal): Promise<void> {
  // Each visitor listens, and so does whoever causes faults.
  setMaxListeners(READERS + WRITERS + 1, signal);
  const readers = Array.from({ length: READERS }, () =>
    visit(signal, reader(new Visitor(url, tally, signal))),
  );
  const writers = Array.from({ length: WRITERS }, (_, index) =>
    visit(signal, writer(new Visitor(url, tally, signal), index)),
  );
  await Promise.all([...readers, ...writers]);
}

async function visit(signal: AbortSignal, next: () => Promise<void>): Promise<void> {
  while (!signal.aborted) {
    await next();
    // An abort ends the pause, too.
    await sleep(Math.random() * 2 * THINKING_MS, undefined, { signal }).catch(() => undefined);
  }
}

function reader(visitor: Visitor): () => Promise<void> {
  const paths = [
    () => `/products?page=${random(50)}`,
    () => `/products/${random(PRODUCTS)}`,
    () => `/products/${random(PRODUCTS)}`,
    () => '/products?search=oak',
    () => '/orders',
  ];
  let turn = random(100);
  return async () => {
    turn++;
    await visitor.call(
      'GET',
      turn % 50 === 0 ? '/reports/sales' : (paths[turn % paths.length] as () => string)(),
    );
  };
}

/** Changes a price and reads it back at once, and orders now and then. Each writer has products of its own. */
function writer(visitor: Visitor, index: number): () => Promise<void> {
  let turn = 0;
  return async () => {
    turn++;
    const productId = 1 + ((turn * WRITERS + index) % PRODUCTS);
    const price = 500 + random(50_000);
    const changed = await visitor.call('PATCH', `/products/${productId}`, { price, stock: 1_000 });
    const product = await visitor.call('GET', `/products/${productId}`);
    // Nobody was told that a change is there whose request failed.
    if (changed !== undefined) visitor.expectPrice(product, price);
    if (turn % 5 === 0) await visitor.call('POST', '/orders', { items: [{ productId, quantity: 1 }] });
    if (turn % 5 === 1) await visitor.call('GET', '/orders');
  };
}

function random(most: number): number {
  return 1 + Math.floor(Math.random() * most);
}

/** Somebody with a cookie, who makes one request after the other. */
class Visitor {
  readonly #url: string;
  readonly #tally: Tally;
  readonly #signal: AbortSignal;
  readonly #headers = { cookie: `sid=${randomUUID()}`, 'content-type': 'application/json' };

  constructor(url: string, tally: Tally, signal: AbortSignal) {
    this.#url = url;
    this.#tally = tally;
    this.#signal = signal;
  }

  /** The body of the answer; `undefined` if there was none or an error. */
  async call(method: string, path: string, body?: object): Promise<unknown> {
    this.#tally.requests++;
    try {
      const response = await fetch(`${this.#url}${path}`, {
        method,
        headers: this.#headers,
        signal: AbortSignal.timeout(MAX_MS),
        ...(body !== undefined && { body: JSON.stringify(body) }),
      });
      const answer: unknown = await response.json();
      if (response.status < 500) return answer;
      this.#tally.failed++;
    } catch {
      // Whoever leaves may take the shop along.
      if (!this.#signal.aborted) this.#tally.failed++;
    }
    return undefined;
  }

  expectPrice(product: unknown, price: number): void {
    if (product !== undefined && (product as { price: number }).price !== price) this.#tally.stale++;
  }
}
