import { isError } from '../../errors/is-error.js';
import { SharedRun } from '../../topology/shared-run.js';
import type { Connection, Database, Uptime } from '../database.js';

/** What the loss of a connection is marked with that this process has cut itself. */
const CUT = 'ECONNABORTED';
/** A server notices the crash of a process some time after the connection has ended; milliseconds. */
const NOTICED_AFTER_MS = 250;
/** How far the clocks of both sides may go apart in so short a time; milliseconds. */
const SLACK_MS = 50;

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
  readonly database: Pick<Database, 'cut' | 'errors'>;
  /** How long the server has been running. Never rejects. */
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
  readonly #reasons = new WeakMap<Connection, string>();
  readonly #uptime: SharedRun<Uptime>;
  #crashedMs = -Infinity;

  constructor(options: LossWatchOptions) {
    this.#options = options;
    this.#uptime = new SharedRun(() => options.askUptime(), { gapMs: 0, nowMs: options.nowMs });
  }

  /** The server said, before it ends this connection, that another of its processes has crashed. `code`: of the error to come. */
  crashed(connection: Connection, code: string): void {
    this.#crashedMs = this.#options.nowMs();
    this.#reasons.set(connection, code);
  }

  /**
   * Cuts connections; the driver then rejects what waits on them. What has arrived is read first: this process did not cut a
   * connection that the server has ended by then.
   */
  cut(connections: Iterable<Connection>): void {
    const cut = [...connections];
    const { database } = this.#options;
    setImmediate(() =>
      setImmediate(() => {
        for (const connection of cut)
          if (database.cut(connection) && !this.#reasons.has(connection)) this.#reasons.set(connection, CUT);
      }),
    );
  }

  /** The error of a statement on this connection: a loss without a code gets that of its reason, where one is known. */
  explain(connection: Connection, error: unknown): unknown {
    const reason = this.#reasons.get(connection);
    return reason !== undefined && isError(error) && this.#options.database.errors.isSilentLoss(error)
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
