import { isNativeError } from 'node:util/types';
import type pg from 'pg';
import { SharedRun } from '../topology/shared-run.js';
import type { Uptime } from './ask-uptime.js';
import { isSilentLoss } from './postgres-errors.js';

/** What PostgreSQL tells its clients when another of its processes has crashed, just before it ends their connections. */
const CRASH_OF_ANOTHER = '57P02';
/** What the loss of a connection is marked with that this process has cut itself. */
const CUT = 'ECONNABORTED';
/** A server notices the crash of a process some time after the connection has ended; milliseconds. */
const NOTICED_AFTER_MS = 250;
/** How far the clocks of both sides may go apart in so short a time; milliseconds. */
const SLACK_MS = 50;

const ignore = (): void => undefined;

/**
 * What became of a server that a connection was lost to.
 *
 * - `well`: none of its processes has crashed, and it was not started anew
 * - `crashed`: one of them has, or nobody can tell
 * - `gone`: nothing listens at its address, or it was started anew: its machine or all its processes are gone, or were
 */
export type ServerFate = 'well' | 'crashed' | 'gone';

/** What a {@link LossWatch} works with. */
export interface LossWatchOptions {
  /** See `askUptime`. */
  readonly askUptime: () => Promise<Uptime>;
  /** Milliseconds of the monotonic clock. */
  readonly nowMs: () => number;
}

/**
 * Why the connections of one node end. One that ends without a word may be the one whose server process crashed; so a loss that is
 * known to have another reason gets a code: the server told of the crash of another process, or this process cut it.
 */
export class LossWatch {
  readonly #options: LossWatchOptions;
  readonly #reasons = new WeakMap<pg.ClientBase, string>();
  readonly #uptime: SharedRun<Uptime>;
  #crashedMs = -Infinity;

  constructor(options: LossWatchOptions) {
    this.#options = options;
    this.#uptime = new SharedRun(() => options.askUptime(), { gapMs: 0, nowMs: options.nowMs });
  }

  /** A connection was made. */
  watch(client: pg.ClientBase): void {
    // While it runs a statement its pool does not listen: an error without a listener would end the process.
    client.on('error', ignore);
    client.on('notice', ({ code }) => {
      if (code !== CRASH_OF_ANOTHER) return;
      this.#crashedMs = this.#options.nowMs();
      this.#reasons.set(client, CRASH_OF_ANOTHER);
    });
  }

  /**
   * Cuts connections; `pg` then rejects what waits on them. What has arrived is read first: a connection that the server
   * has ended by now was not cut by us.
   */
  cut(clients: Iterable<pg.ClientBase>): void {
    const cut = [...clients];
    setImmediate(() => setImmediate(() => cut.forEach((client) => this.#cut(client))));
  }

  #cut(client: pg.ClientBase): void {
    const { stream } = (client as unknown as PgClient).connection;
    const isOpen = !stream.destroyed && !stream.readableEnded;
    if (isOpen && !this.#reasons.has(client)) this.#reasons.set(client, CUT);
    stream.destroy();
  }

  /** The error of a statement on this connection: a loss without a code gets that of its reason, where one is known. */
  explain(client: pg.ClientBase, error: unknown): unknown {
    const reason = this.#reasons.get(client);
    return reason !== undefined && isNativeError(error) && isSilentLoss(error)
      ? Object.assign(error, { code: reason })
      : error;
  }

  /** What became of the server since `sinceMs`, milliseconds of the monotonic clock, after a loss just now. Never rejects. */
  async fateSince(sinceMs: number): Promise<ServerFate> {
    if (this.#crashedMs >= sinceMs) return 'crashed';
    await new Promise((resolve) => setTimeout(resolve, NOTICED_AFTER_MS));
    const uptime = await this.#uptime.request();
    if (this.#crashedMs >= sinceMs || uptime === 'unknown') return 'crashed';
    if (uptime === 'gone') return 'gone';
    const elapsedMs = this.#options.nowMs() - sinceMs;
    if (uptime.wellMs > elapsedMs + SLACK_MS) return 'well';
    // A crash of one of its processes leaves the start time as it was.
    return uptime.runningMs < elapsedMs ? 'gone' : 'crashed';
  }
}

/** What of a `pg` client's insides is needed. */
interface PgClient {
  readonly connection: {
    readonly stream: { readonly destroyed: boolean; readonly readableEnded: boolean; destroy(): void };
  };
}
