import type { RoutedClient } from '../execution/routed-client.js';

/** One read that is about to fill the cache. */
interface Fill {
  /** The client that runs it, and how many statements that had been given before. */
  readonly client: RoutedClient | undefined;
  readonly given: number;
  readonly ended: Promise<void>;
  readonly end: () => void;
  /** The read was answered, and its answer is being stored. */
  isStoring: boolean;
}

const NOTHING = (): void => undefined;

/** Lets one read of a key fill the cache, while others that want the same wait for it. */
export class Fills {
  readonly #fills = new Map<string, Fill>();

  /** The read of this key is about to be sent by `client`. Does nothing if another one is under way. */
  begin(key: string, client: RoutedClient | undefined): void {
    if (client === undefined || this.#fills.has(key)) return;
    let end = NOTHING;
    const ended = new Promise<void>((resolve) => (end = resolve));
    const fill: Fill = { client, given: client.statementCount, ended, end, isStoring: false };
    this.#fills.set(key, fill);
    void this.#watch(key, fill);
  }

  /** An answer was given to this client, and is being stored under the key. */
  stores(key: string, client: RoutedClient | undefined): void {
    const fill = this.#fills.get(key);
    if (fill !== undefined && fill.client === client) fill.isStoring = true;
  }

  /** It is stored, or will not be. */
  ended(key: string, client: RoutedClient | undefined): void {
    const fill = this.#fills.get(key);
    if (fill !== undefined && fill.client === client) this.#end(key, fill);
  }

  /** Waits until a read under way has filled the cache, or has failed. `false`: there is none. */
  async wait(key: string): Promise<boolean> {
    const fill = this.#fills.get(key);
    await fill?.ended;
    return fill !== undefined;
  }

  /** A read that fails stores nothing, and neither does one that is never sent. */
  async #watch(key: string, fill: Fill): Promise<void> {
    await nextTurn();
    if (fill.client !== undefined && fill.client.statementCount > fill.given) await fill.client.whenIdle();
    await nextTurn();
    if (!fill.isStoring) this.#end(key, fill);
  }

  #end(key: string, fill: Fill): void {
    if (this.#fills.get(key) === fill) this.#fills.delete(key);
    fill.end();
  }
}

/** By then, code that waited for something that has happened has gone on. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
