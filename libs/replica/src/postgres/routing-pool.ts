import { EventEmitter } from 'node:events';
import { RoutingClient } from './routing-client.js';
import type { StatementRouter } from './statement-router.js';

type Release = (error?: unknown) => void;
type ConnectCallback = (error: unknown, client?: RoutingClient, release?: Release) => void;

/**
 * A pool as `pg` has it, whose clients stand for all nodes. Giving out a client needs no network and no connection:
 * an application starts with every replica down. Also serves code that uses `pg` directly.
 */
export class RoutingPool extends EventEmitter {
  readonly #router: () => StatementRouter;
  readonly #primaryRunner: boolean;

  /** @param primaryRunner whatever is asked of this pool goes to the primary */
  constructor(router: () => StatementRouter, primaryRunner: boolean) {
    super();
    this.#router = router;
    this.#primaryRunner = primaryRunner;
  }

  connect(): Promise<RoutingClient>;
  connect(callback: ConnectCallback): void;
  connect(callback?: ConnectCallback): Promise<RoutingClient> | void {
    const client = new RoutingClient(this.#router(), this.#primaryRunner);
    if (callback === undefined) return Promise.resolve(client);
    callback(undefined, client, (error) => client.release(error));
  }

  /** One statement on a client of its own. */
  async query(text: unknown, values?: unknown[]): Promise<unknown> {
    const client = await this.connect();
    try {
      return await client.query(text, values);
    } finally {
      client.release();
    }
  }

  /** The connections behind it belong to the data source, which ends them when it is destroyed. */
  end(): Promise<void>;
  end(callback: (error?: unknown) => void): void;
  end(callback?: (error?: unknown) => void): Promise<void> | void {
    if (callback === undefined) return Promise.resolve();
    callback();
  }
}
