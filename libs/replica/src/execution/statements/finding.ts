import { Effect, keepsConnection, kindOf, mayWrite, SEVERITY, type Effects } from './effects.js';
import { readOf, type Statement, type StatementKind, type TransactionStep } from './statement.js';

/** A statement that names more tables does not list them. */
const MAX_TABLES = 1000;

/** What the readers have found out about one statement so far. It begins as a read and only becomes more severe. */
export class Finding {
  kind: StatementKind = 'read';
  because: string | undefined;
  mayWrite = false;
  keepsConnection = false;
  changesCatalog = false;
  transaction: TransactionStep | undefined;
  readOnly = false;
  /** The statement names something that the catalog does not know. */
  needsCatalog = false;
  /** A COPY, which does not send its rows like a query. */
  isCopy = false;
  isUnparsable = false;
  /** See `Statement.changes`. */
  changes: readonly string[] | undefined;
  /** The relations that the statement names; `undefined`: it may also read others. */
  #tables: Set<string> | undefined = new Set();
  readonly #restsOn = new Set<readonly string[]>();

  /** Keeps the most severe kind, and the first of equally severe ones. */
  note(kind: StatementKind, because: string): void {
    if (SEVERITY[kind] <= SEVERITY[this.kind]) return;
    this.kind = kind;
    this.because = because;
  }

  noteEffects(effects: Effects, because: string): void {
    if (effects & Effect.readsTables) this.#tables = undefined;
    const harm = effects & ~Effect.readsTables;
    if (harm === Effect.none) return;
    this.note(kindOf(harm), because);
    this.mayWrite ||= mayWrite(harm);
    this.keepsConnection ||= keepsConnection(harm);
  }

  /** The statement reads this relation and, according to the catalog, the relations behind it. */
  noteTable(table: string, restsOn: readonly string[] | undefined): void {
    this.#tables?.add(table);
    if (this.#tables !== undefined && this.#tables.size > MAX_TABLES) this.#tables = undefined;
    if (restsOn !== undefined) this.#restsOn.add(restsOn);
  }

  /** WITH RECURSIVE defines a name that the statement may already have used for a relation. */
  noteCteName(name: string): void {
    if (this.#tables?.has(name) === true) this.#tables = undefined;
  }

  /** The statement names something that the catalog does not know, so it may do anything. */
  noteUnknown(because: string): void {
    this.note('unknown', because);
    this.mayWrite = true;
    this.needsCatalog = true;
  }

  /** The text cannot be parsed, so it may do anything. The rest of it is not read. */
  noteUnparsable(because: string): void {
    this.note('unknown', because);
    this.isUnparsable = true;
    this.mayWrite = true;
    this.keepsConnection = true;
    this.changesCatalog = true;
  }

  /** Adds the other finding's flags, but not its kind. */
  noteFlags(other: Finding): void {
    this.isUnparsable ||= other.isUnparsable;
    this.mayWrite ||= other.mayWrite;
    this.keepsConnection ||= other.keepsConnection;
    this.changesCatalog ||= other.changesCatalog;
    this.needsCatalog ||= other.needsCatalog;
  }

  /** The statement reads exactly what the other one reads. */
  noteTablesOf(other: Finding): void {
    this.#tables = other.#tables;
    for (const list of other.#restsOn) this.#restsOn.add(list);
  }

  toStatement(): Statement {
    if (this.kind === 'read') return readOf(this.#tables, this.#restsOn, this.isCopy);
    return Object.freeze({
      kind: this.kind,
      because: this.because,
      mayWrite: this.mayWrite,
      keepsConnection: this.keepsConnection,
      ...(this.transaction === undefined ? {} : { transaction: this.transaction }),
      ...(this.readOnly ? { readOnly: true as const } : {}),
      changesCatalog: this.changesCatalog,
      ...(this.needsCatalog ? { needsCatalog: true as const } : {}),
      ...(this.kind === 'write' && this.changes !== undefined ? { changes: this.changes } : {}),
    });
  }
}
