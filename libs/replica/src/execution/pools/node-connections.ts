import type { ServerIdentity } from '../../topology/node-probe.js';
import type { Connection, PoolListener } from '../database.js';
import type { LossWatch } from './loss-watch.js';

/** What is known of the connections to one node. It listens to the node's pools. */
export class NodeConnections implements PoolListener {
  readonly open = new Set<Connection>();
  /** Connections handed out for more than a single read: for streams, transactions, writes. */
  readonly held = new Set<Connection>();
  /** When the node last answered a statement; milliseconds of the monotonic clock. */
  answeredMs = -Infinity;
  readonly #losses: LossWatch;
  readonly #nowMs: () => number;
  readonly #fresh = new WeakSet<Connection>();
  /** The servers that connections lead to, as far as they were asked. */
  readonly #identities = new WeakMap<Connection, ServerIdentity | undefined>();

  constructor(losses: LossWatch, nowMs: () => number) {
    this.#losses = losses;
    this.#nowMs = nowMs;
  }

  made(connection: Connection): void {
    this.open.add(connection);
    this.#fresh.add(connection);
  }

  identified(connection: Connection, identity: ServerIdentity | undefined): void {
    this.#identities.set(connection, identity);
  }

  taken(connection: Connection): void {
    this.held.add(connection);
  }

  returned(connection: Connection): void {
    this.held.delete(connection);
  }

  closed(connection: Connection): void {
    this.open.delete(connection);
  }

  answered(): void {
    this.answeredMs = this.#nowMs();
  }

  crashed(connection: Connection, code: string): void {
    this.#losses.crashed(connection, code);
  }

  takeFresh(connection: Connection): boolean {
    return this.#fresh.delete(connection);
  }

  /** The server that a connection leads to. `undefined`: it was not asked, or does not say. */
  identityOf(connection: Connection): ServerIdentity | undefined {
    return this.#identities.get(connection);
  }

  /** The connections known to lead to another server than that of this incarnation, or to another run of it. */
  toOthersThan(incarnation: string | undefined): readonly Connection[] {
    return [...this.open].filter(
      (connection) =>
        this.#identities.has(connection) && this.identityOf(connection)?.incarnation !== incarnation,
    );
  }
}
