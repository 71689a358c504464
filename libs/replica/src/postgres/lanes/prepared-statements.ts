import type pg from 'pg';
import type { PreparableText, PreparedStatements } from '../../execution/database.js';
import type { PgPreparedStatement } from './lane-query.js';

/** The private parts of a `pg` connection: it lists its prepared statements by name. */
interface PgConnection {
  readonly parsedStatements: Record<string, string>;
  close(message: { type: 'S'; name: string }): void;
}

interface Entry extends PgPreparedStatement {
  lastUse: number;
}

const STATEMENTS = new WeakMap<pg.ClientBase, PgPreparedStatements>();

/** The prepared statements of a connection. `max`: how many there may be at once; the first caller decides. */
export function preparedStatementsOf(client: pg.ClientBase, max: number): PgPreparedStatements {
  let statements = STATEMENTS.get(client);
  if (statements === undefined) STATEMENTS.set(client, (statements = new PgPreparedStatements(client, max)));
  return statements;
}

/** Something has dropped all prepared statements of a connection. `pg` still lists them. */
export function forgetStatementsOf(client: pg.ClientBase): void {
  const { connection } = client as unknown as { connection: object };
  Object.assign(connection, { parsedStatements: {} });
  STATEMENTS.delete(client);
}

/**
 * The prepared statements of one connection. A name identifies its text on every connection. A pooler may pass a server connection from
 * one client to another, and even then a name can never run another client's text.
 */
export class PgPreparedStatements implements PreparedStatements {
  readonly #connection: PgConnection;
  readonly #perConnection: number;
  readonly #entries = new Map<PreparableText, Entry>();
  #clock = 0;
  /** Part of each name. A lost name is never reused, because answers that mention it may still be on their way. */
  #generation = 0;

  constructor(client: pg.ClientBase, perConnection: number) {
    this.#connection = (client as unknown as { connection: PgConnection }).connection;
    this.#perConnection = perConnection;
  }

  get size(): number {
    return this.#entries.size;
  }

  use(text: PreparableText): PgPreparedStatement | undefined {
    const entry = this.#entries.get(text);
    if (entry === undefined) return this.#add(text);
    if (!this.isPrepared(entry.name)) return undefined;
    entry.lastUse = ++this.#clock;
    return entry;
  }

  isPrepared(name: string): boolean {
    return this.#connection.parsedStatements[name] !== undefined;
  }

  forget(text: PreparableText, name: string): boolean {
    if (this.#entries.get(text)?.name !== name) return false;
    this.#entries.delete(text);
    this.#close(name);
    this.#generation++;
    return true;
  }

  /** Reasons for losing all: DEALLOCATE ALL, or a pooler that switched to another server. */
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
    // A late answer may make `pg` list the old name again, so that name must not be reused.
    this.#generation++;
  }

  /** The message travels with the next statement, so nobody waits for its answer. Closing an unknown statement is no error. */
  #close(name: string): void {
    delete this.#connection.parsedStatements[name];
    this.#connection.close({ type: 'S', name });
  }
}
