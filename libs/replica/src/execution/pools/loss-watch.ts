import { isError } from '../../errors/is-error.js';
import { SharedRun } from '../../topology/shared-run.js';
import type { Connection, Database, NodeAccess, Uptime } from '../database.js';

/** The code that marks the loss of a connection which this process cut itself. */
const CUT = 'ECONNABORTED';
/** How long after the end of a connection a server may take to notice that its process crashed; milliseconds. */
const NOTICED_AFTER_MS = 250;
/** How far the clocks of both sides may drift apart in so short a time; milliseconds. */
const SLACK_MS = 50;

/**
 * What became of a server after a connection to it was lost.
 *
 * - `well`: none of its processes crashed, and it was not restarted
 * - `crashed`: one of its processes crashed, or nobody can tell
 * - `gone`: nothing listens at its address, or it was restarted. Its machine or all of its processes are gone, or were
 */
type ServerFate = 'well' | 'crashed' | 'gone';

interface LossWatchOptions {
  readonly database: Pick<Database, 'cut' | 'errors'>;
  readonly access: Pick<NodeAccess, 'askUptime'>;
  readonly nowMs: () => number;
}

/**
 * Why the connections of one node end. If one ends without a word, its own server process may have crashed. So a loss that is
 * known to have another reason gets a code: the server reported the crash of another process, or this process cut the connection.
 */
export class LossWatch {
  readonly #options: LossWatchOptions;
  readonly #reasons = new WeakMap<Connection, string>();
  readonly #uptime: SharedRun<Uptime>;
  #crashedMs = -Infinity;

  constructor(options: LossWatchOptions) {
    this.#options = options;
    this.#uptime = new SharedRun(() => options.access.askUptime(), 0, options.nowMs);
  }

  /** See {@link PoolListener.crashed}. */
  crashed(connection: Connection, code: string): void {
    this.#crashedMs = this.#options.nowMs();
    this.#reasons.set(connection, code);
  }

  /**
   * Cuts connections, so that the driver rejects whatever waits on them. It first reads what has already arrived, because a
   * connection that the server has ended by then was not cut by this process.
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

  /** The error of a statement on this connection. A loss without a code gets the code of its reason, if that is known. */
  explain(connection: Connection, error: unknown): unknown {
    const reason = this.#reasons.get(connection);
    return reason !== undefined && isError(error) && this.#options.database.errors.isSilentLoss(error)
      ? Object.assign(error, { code: reason })
      : error;
  }

  /** What became of the server since `sinceMs`, in milliseconds of the monotonic clock. Call it right after a loss. Never rejects. */
  async fateSince(sinceMs: number): Promise<ServerFate> {
    if (this.#crashedMs >= sinceMs) return 'crashed';
    await new Promise((resolve) => setTimeout(resolve, NOTICED_AFTER_MS));
    const uptime = await this.#uptime.request();
    if (this.#crashedMs >= sinceMs || uptime === 'unknown') return 'crashed';
    if (uptime === 'gone') return 'gone';
    const elapsedMs = this.#options.nowMs() - sinceMs;
    if (uptime.wellMs > elapsedMs + SLACK_MS) return 'well';
    // A crash of one process does not change the start time of the server.
    return uptime.runningMs < elapsedMs ? 'gone' : 'crashed';
  }
}
