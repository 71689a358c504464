import type pg from 'pg';
import type { PreparableText, PreparedStatements } from '../../execution/database.js';
import type { PgPreparedStatement } from './lane-query.js';

/** What of a `pg` client's connection is needed: it remembers by name what it has prepared. */
interface PgConnection {
  readonly parsedStatements: Record<string, string>;
  close(message: { type: 'S'; name: string }): void;
}

interface Entry extends PgPreparedStatement {
  lastUse: number;
}

/**
 * The named statements on one connection. A name says which text it stands for, whatever connection it is sent on: behind
 * a pooler that passes a server's connection from one client to another, it can never run the text of somebody else.
 */
export class PgPreparedStatements implements PreparedStatements {
  readonly #connection: PgConnection;
  readonly #perConnection: number;
  readonly #entries = new Map<PreparableText, Entry>();
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
  use(text: PreparableText): PgPreparedStatement | undefined {
    const entry = this.#entries.get(text);
    if (entry === undefined) return this.#add(text);
    if (!this.isPrepared(entry.name)) return undefined;
    entry.lastUse = ++this.#clock;
    return entry;
  }

  /** The server has said that it knows the name. */
  isPrepared(name: string): boolean {
    return this.#connection.parsedStatements[name] !== undefined;
  }

  /** The server has no such statement, or may not have it, or cannot run it any more. Says whether that was news. */
  forget(text: PreparableText, name: string): boolean {
    if (this.#entries.get(text)?.name !== name) return false;
    this.#entries.delete(text);
    this.#close(name);
    this.#generation++;
    return true;
  }

  /** The server has lost one, so it may have lost all: DEALLOCATE ALL, or another server behind a pooler. */
  forgetAll(text: PreparableText, name: string): boolean {
    if (!this.forget(text, name)) return false;
    for (const entry of this.#entries.values()) this.#close(entry.name);
    this.#entries.clear();
    return true;
  }

  #add(text: PreparableText): PgPreparedStatement {
    if (this.#entries.size >= this.#perConnection) this.#evict();
    const name = `nestjs_replica_${text.digest}_${this.#generation}`;
    const entry: Entry = { name, shape: undefined, lastUse: ++this.#clock };
    this.#entries.set(text, entry);
    return entry;
  }

  #evict(): void {
    let oldest: PreparableText | undefined;
    let lastUse = Infinity;
    for (const [text, entry] of this.#entries) {
      if (entry.lastUse >= lastUse) continue;
      oldest = text;
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
