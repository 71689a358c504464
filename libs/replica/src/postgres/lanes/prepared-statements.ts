import type pg from 'pg';
import { codeOf } from '../../errors/describe-error.js';
import type { PreparedStatement } from './lane-query.js';
import type { StatementCost } from './statement-cost.js';

/** When reads are prepared, and how many of them; see {@link PreparedStatements}. */
export interface PreparePolicy {
  /** A text is prepared from its nth use on. */
  readonly after: number;
  /** So many are kept on each connection: each takes memory of the server. */
  readonly perConnection: number;
}

/** What of a `pg` client's connection is needed: it remembers by name what it has prepared. */
interface PgConnection {
  readonly parsedStatements: Record<string, string>;
  close(message: { type: 'S'; name: string }): void;
}

interface Entry extends PreparedStatement {
  lastUse: number;
}

/**
 * The named statements on one connection. A name says which text it stands for, whatever connection it is sent on: behind
 * a pooler that passes a server's connection from one client to another, it can never run the text of somebody else.
 */
export class PreparedStatements {
  readonly #connection: PgConnection;
  readonly #perConnection: number;
  readonly #entries = new Map<StatementCost, Entry>();
  #clock = 0;
  /** A name that the server has lost is never used again: answers that speak of it may still be under way. */
  #generation = 0;

  constructor(client: pg.ClientBase, perConnection: number) {
    this.#connection = (client as unknown as { connection: PgConnection }).connection;
    this.#perConnection = perConnection;
  }

  get size(): number {
    return this.#entries.size;
  }

  /**
   * What to send a statement as. Call it right before the statement is sent, and only then. `undefined` while the
   * same text is being prepared: should that fail, it is nobody else's failure.
   */
  use(cost: StatementCost): PreparedStatement | undefined {
    const entry = this.#entries.get(cost);
    if (entry === undefined) return this.#add(cost);
    if (!this.isPrepared(entry.name)) return undefined;
    entry.lastUse = ++this.#clock;
    return entry;
  }

  /** The server has said that it knows the name. */
  isPrepared(name: string): boolean {
    return this.#connection.parsedStatements[name] !== undefined;
  }

  /** The server has no such statement, or may not have it, or cannot run it any more. Says whether that was news. */
  forget(cost: StatementCost, name: string): boolean {
    if (this.#entries.get(cost)?.name !== name) return false;
    this.#entries.delete(cost);
    this.#close(name);
    this.#generation++;
    return true;
  }

  /** The server has lost one, so it may have lost all: DEALLOCATE ALL, or another server behind a pooler. */
  forgetAll(cost: StatementCost, name: string): boolean {
    if (!this.forget(cost, name)) return false;
    for (const entry of this.#entries.values()) this.#close(entry.name);
    this.#entries.clear();
    return true;
  }

  #add(cost: StatementCost): PreparedStatement {
    if (this.#entries.size >= this.#perConnection) this.#evict();
    const name = `nestjs_replica_${cost.digest}_${this.#generation}`;
    const entry: Entry = { name, shape: undefined, lastUse: ++this.#clock };
    this.#entries.set(cost, entry);
    return entry;
  }

  #evict(): void {
    let oldest: StatementCost | undefined;
    let lastUse = Infinity;
    for (const [cost, entry] of this.#entries) {
      if (entry.lastUse >= lastUse) continue;
      oldest = cost;
      lastUse = entry.lastUse;
    }
    if (oldest === undefined) return;
    const name = this.#entries.get(oldest)?.name as string;
    this.#entries.delete(oldest);
    this.#close(name);
    // Should an answer under way make `pg` believe that it is still there, the name must not come back.
    this.#generation++;
  }

  /**
   * Travels with the statement that is sent next, so that no answer of its own has to be waited for. To close what is not
   * there is no error.
   */
  #close(name: string): void {
    delete this.#connection.parsedStatements[name];
    this.#connection.close({ type: 'S', name });
  }
}

/**
 * A prepared statement failed for being prepared: it is not there any more (26000: DEALLOCATE, a pooler), its table has
 * changed (0A000, "cached plan must not change result type"), or somebody else has prepared it already (42P05: a pooler).
 */
export function failedAsPrepared(error: unknown): boolean {
  const code = codeOf(error);
  return code === '26000' || code === '0A000' || code === '42P05';
}
