import type { Durability } from '../../routing/durability.js';
import type { ContextStorage } from '../../context/context-storage.js';
import { DurabilityDowngradedError } from '../../errors/durability-downgraded.error.js';
import { DurabilityUnavailableError } from '../../errors/durability-unavailable.error.js';
import type { Answer, Connection, TransactionDurability } from '../database.js';
import type { Statement } from '../statements/statement.js';
import type { PinnedStatement } from './pinned-statement.js';

/** A wait for standbys that was cancelled: the transaction is committed on the node, and perhaps nowhere else. */
export interface DowngradedCommit {
  readonly node: string;
  readonly durability: Durability;
}

/** Tells the open transaction something that ends with it, so nothing stays on the connection. */
const DEMAND: Statement = Object.freeze({
  kind: 'transaction-control',
  mayWrite: false,
  keepsConnection: false,
  transaction: 'other',
  changesCatalog: false,
});

/** What {@link DurableRuns} needs. */
export interface DurableRunOptions {
  readonly durability: TransactionDurability;
  readonly contexts: ContextStorage;
  readonly classify: (text: string) => Statement;
  readonly onDowngraded: (event: DowngradedCommit) => void;
}

/** A connection that a client keeps, as far as it matters here. */
interface KeptConnection {
  readonly connection: Connection;
  readonly isInTransaction: boolean;
  readonly isOnReplica: boolean;
}

/** A connection, and what runs a statement on it. */
interface DurableConnection {
  readonly pinned: KeptConnection;
  readonly node: string;
  readonly run: (statement: PinnedStatement) => Promise<Answer>;
}

/**
 * Runs what `withDurability()` surrounds. A transaction is told what it has to wait for right behind its BEGIN, and a write
 * outside any gets a transaction of its own. After COMMIT it is known whether the server has waited.
 */
export class DurableRuns {
  readonly #options: DurableRunOptions;
  /** The open transactions that were told what to wait for. */
  readonly #told = new WeakMap<KeptConnection, Durability>();

  constructor(options: DurableRunOptions) {
    this.#options = options;
  }

  /** Whether the statement does not simply run as it is. */
  concerns(pinned: KeptConnection, statement: Statement): boolean {
    if (pinned.isOnReplica) return false;
    if (pinned.isInTransaction) return statement.transaction === 'end' && this.#told.has(pinned);
    return this.#asked !== undefined && (statement.transaction === 'begin' || statement.mayWrite);
  }

  /** Runs a statement that this {@link concerns}. */
  async run(given: PinnedStatement, on: DurableConnection): Promise<Answer> {
    if (on.pinned.isInTransaction) return this.#end(given, on);
    const durability = this.#asked as Durability;
    if (given.statement.transaction === 'end')
      throw new DurabilityUnavailableError(durability, 'own-transaction');
    return given.statement.transaction === 'begin'
      ? this.#begin(given, durability, on)
      : this.#runAlone(given, durability, on);
  }

  /** Throws if a stream may write without a transaction that was told what to wait for. */
  assertMayStream(pinned: KeptConnection, statement: Statement): void {
    const durability = this.#asked;
    if (durability !== undefined && !pinned.isInTransaction && statement.mayWrite)
      throw new DurabilityUnavailableError(durability, 'stream');
  }

  get #asked(): Durability | undefined {
    return this.#options.contexts.surrounding()?.durability;
  }

  async #begin(given: PinnedStatement, durability: Durability, on: DurableConnection): Promise<Answer> {
    const answer = await on.run(given);
    await this.#tell(durability, on);
    return answer;
  }

  async #tell(durability: Durability, on: DurableConnection): Promise<void> {
    const { durability: database } = this.#options;
    // A wait of an earlier transaction may have been cancelled on this connection.
    database.takeCancelled(on.pinned.connection);
    const text = database.textOf(durability);
    const answer = await on.run({ call: { text, args: [text] }, statement: DEMAND });
    const obstacle = database.obstacleIn(answer, durability);
    if (obstacle === undefined) return void this.#told.set(on.pinned, durability);
    await on.run(this.#control('ROLLBACK'));
    throw new DurabilityUnavailableError(durability, obstacle);
  }

  async #runAlone(given: PinnedStatement, durability: Durability, on: DurableConnection): Promise<Answer> {
    await this.#begin(this.#control('BEGIN'), durability, on);
    let answer: Answer;
    try {
      answer = await on.run(given);
    } catch (error) {
      await on.run(this.#control('ROLLBACK')).catch(() => undefined);
      throw error;
    }
    await this.#end(this.#control('COMMIT'), on);
    return answer;
  }

  async #end(given: PinnedStatement, on: DurableConnection): Promise<Answer> {
    const { pinned, node } = on;
    const durability = this.#told.get(pinned) as Durability;
    const answer = await on.run(given);
    if (this.#options.durability.takeCancelled(pinned.connection)) {
      this.#options.onDowngraded({ node, durability });
      throw new DurabilityDowngradedError(node, durability);
    }
    this.#told.delete(pinned);
    // AND CHAIN: another transaction has begun.
    if (pinned.isInTransaction) await this.#tell(durability, on);
    return answer;
  }

  #control(text: string): PinnedStatement {
    return { call: { text, args: [text] }, statement: this.#options.classify(text) };
  }
}
