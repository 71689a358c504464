import { STATEMENT_KINDS, type StatementKind } from '../../routing/route-query.js';

export { STATEMENT_KINDS, type StatementKind };

/** What a statement does to the open transaction. `end`: it ends, and with AND CHAIN another one begins at once. */
export const TRANSACTION_STEPS = ['begin', 'end', 'other'] as const;

export type TransactionStep = (typeof TRANSACTION_STEPS)[number];

/**
 * What one SQL text may do. Only `kind === 'read'` may run on a replica. Frozen and shared: one object may stand for
 * many texts, so compare by its fields.
 */
export interface Statement {
  /**
   * - `read`: one statement that provably only reads; any node may run it
   * - `write`: changes data or the schema, or sends a notification
   * - `locking-read`: changes nothing that lasts, but only the primary can run or truly answer it: row locks, advisory locks of
   *   the transaction, the primary's position, unlogged tables, sequences, statistics
   * - `session-change`: changes or asks about the state of the connection: SET, LISTEN, cursors, session advisory locks,
   *   `lastval()`
   * - `transaction-control`: BEGIN, COMMIT, SAVEPOINT ...
   * - `unknown`: not understood, several different statements, or calls something that is not known to be harmless
   */
  readonly kind: StatementKind;

  /** Why it is not a read, for logs, e.g. `calls nextval()`. Keywords and function names only: a literal may be a
   *  secret, so nothing else of the text appears here. Absent for a read. */
  readonly because?: string;

  /** It may change data that others can see afterwards, so the session needs a position. False for row locks, SET,
   *  LISTEN, NOTIFY, advisory locks, BEGIN, COMMIT (what was written before it was marked already). */
  readonly mayWrite: boolean;

  /** It leaves something on the connection (SET, PREPARE, temporary tables, LISTEN, session advisory locks, WITH HOLD
   *  cursors, `set_config`), so the client has to keep its connection. */
  readonly keepsConnection: boolean;

  /** Present when it controls the transaction. In a text of several statements the last begin or end counts. */
  readonly transaction?: TransactionStep;

  /** BEGIN or START TRANSACTION declared READ ONLY. Only ever present together with `transaction: 'begin'`. */
  readonly readOnly?: true;

  /** It may change what the catalog says (CREATE, ALTER, DROP, DO, CALL, not understood), so reload the catalog. */
  readonly changesCatalog: boolean;

  /** It names something that the catalog does not know: by a newer one it may be something else. */
  readonly needsCatalog?: true;

  /** Only of a read: COPY ... TO STDOUT, whose rows come otherwise than those of a query. It has a connection to itself. */
  readonly isCopy?: true;

  /**
   * Only of a read: the tables, views and other relations that it names in FROM, JOIN, TABLE and the like, each once, in
   * the order of the text: `accounts`, `billing.accounts` (`formatTableName`). Without the names that WITH gives, aliases and
   * functions. Absent where it is not known for sure what is read: of what is no read, and where a function that is
   * called may read tables.
   */
  readonly tables?: readonly string[];

  /**
   * What stands behind these tables by the catalog, with schemas, in lists that statements share: what a view or a row
   * security policy reads; parents and children by inheritance or partitioning. Absent where there is nothing.
   */
  readonly restsOn?: readonly (readonly string[])[];
}

const READ = {
  kind: 'read',
  mayWrite: false,
  keepsConnection: false,
  changesCatalog: false,
} as const satisfies Statement;

/** The one statement object of every read that names no table. */
const READ_OF_NOTHING: Statement = Object.freeze({ ...READ, tables: Object.freeze([]) });

/** A read of these tables; `undefined`: it may read others. */
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
