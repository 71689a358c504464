import type { PatternCount } from '../../observability/query-patterns.js';
import { STATEMENT_KINDS, type StatementKind } from '../../routing/route-query.js';

export { STATEMENT_KINDS, type StatementKind };

/** What a statement does to the open transaction. `end`: the transaction ends, and with AND CHAIN another one begins at once. */
export const TRANSACTION_STEPS = ['begin', 'end', 'other'] as const;

export type TransactionStep = (typeof TRANSACTION_STEPS)[number];

/**
 * What one SQL text may do. Only `kind === 'read'` may run on a replica. Objects are frozen and shared: one may stand for many
 * texts, so compare by the fields.
 */
export interface Statement {
  /**
   * - `read`: one statement that provably only reads, so any node may run it
   * - `write`: changes data or the schema, or sends a notification
   * - `locking-read`: changes nothing that lasts, but only the primary can run it or give the true answer: row locks, advisory
   *   locks of the transaction, the primary's position, unlogged tables, sequences, statistics
   * - `session-change`: changes or asks about the state of the connection: SET, LISTEN, cursors, session advisory locks,
   *   `lastval()`
   * - `transaction-control`: BEGIN, COMMIT, SAVEPOINT ...
   * - `unknown`: not understood, several different statements, or calls something not known to be harmless
   */
  readonly kind: StatementKind;

  /**
   * Why it is not a read, for logs, for example `calls nextval()`. Contains only keywords and function names of the text, because
   * a literal may be a secret. Absent for a read.
   */
  readonly because?: string;

  /**
   * Whether it may change data that others can see afterwards, so that the session needs a position. `false` for row locks, SET,
   * LISTEN, NOTIFY, advisory locks and BEGIN. Also `false` for COMMIT, because the writes before it are already marked.
   */
  readonly mayWrite: boolean;

  /**
   * Whether it leaves something on the connection, so that the client must keep it: SET, PREPARE, temporary tables, LISTEN,
   * session advisory locks, WITH HOLD cursors, `set_config`.
   */
  readonly keepsConnection: boolean;

  /** Present if it controls the transaction. If the text has several statements, the last begin or end counts. */
  readonly transaction?: TransactionStep;

  /** BEGIN or START TRANSACTION was declared READ ONLY. Only present together with `transaction: 'begin'`. */
  readonly readOnly?: true;

  /** Whether it may change the catalog (CREATE, ALTER, DROP, DO, CALL, anything not understood), which must be reloaded then. */
  readonly changesCatalog: boolean;

  /** It names something that the catalog does not know. A newer catalog may classify it differently. */
  readonly needsCatalog?: true;

  /** Only for a read: COPY ... TO STDOUT, whose rows arrive in another way than those of a query. It has a connection to itself. */
  readonly isCopy?: true;

  /**
   * Only for a read: the tables, views and other relations that it names in FROM, JOIN, TABLE and the like. Each appears once, in
   * the order of the text: `accounts`, `billing.accounts` (`formatTableName`). Names defined by WITH, aliases and functions are
   * left out. Absent if nobody knows for sure what is read: if the statement is not a read, or calls a function that may read
   * tables.
   */
  readonly tables?: readonly string[];

  /**
   * What these tables rest on according to the catalog, with schemas, in lists that statements share: what a view or a row
   * security policy reads, and parents and children by inheritance or partitioning. Absent if there is nothing.
   */
  readonly restsOn?: readonly (readonly string[])[];

  /**
   * Only for a write: the plain names, without schemas, of all tables whose rows it may change as far as the catalog tells, also by
   * cascades and partitions. Absent if nobody knows.
   */
  readonly changes?: readonly string[];

  /** The text that it stands for, if it stands for a single one. Not enumerable, so that copies and comparisons leave it out. */
  readonly origin?: StatementOrigin;
}

/** A text whose classification is remembered, and what else is known of it. */
export interface StatementOrigin {
  readonly text: string;
  /** The count of its pattern, once it was looked up. */
  pattern: PatternCount | undefined;
}

/** The same statement, for this text alone. */
export function statementOf(text: string, statement: Statement): Statement {
  const origin: StatementOrigin = { text, pattern: undefined };
  return Object.freeze(Object.defineProperty({ ...statement }, 'origin', { value: origin }));
}

const READ = {
  kind: 'read',
  mayWrite: false,
  keepsConnection: false,
  changesCatalog: false,
} as const satisfies Statement;

/** The one statement object for every read that names no table. */
const READ_OF_NOTHING: Statement = Object.freeze({ ...READ, tables: Object.freeze([]) });

/** A read of these tables. `undefined`: it may read others. */
export function readOf(
  tables: ReadonlySet<string> | undefined,
  restsOn: ReadonlySet<readonly string[]>,
  isCopy = false,
): Statement {
  const read = isCopy ? { ...READ, isCopy } : READ;
  if (tables === undefined) return Object.freeze({ ...read });
  if (tables.size === 0 && !isCopy) return READ_OF_NOTHING;
  return Object.freeze({
    ...read,
    tables: Object.freeze([...tables]),
    ...(restsOn.size === 0 ? {} : { restsOn: Object.freeze([...restsOn]) }),
  });
}
