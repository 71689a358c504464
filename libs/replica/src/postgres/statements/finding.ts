import { Effect, keepsConnection, kindOf, mayWrite, SEVERITY, type Effects } from './effects.js';
import {
  readOf,
  type Statement,
  type StatementKind,
  type TransactionStep,
} from '../../execution/statements/statement.js';

/** Of a statement that names more, it is not told which. */
const MAX_TABLES = 1000;

/** What has been found out about one statement so far. It begins as a read and only gets worse. */
export class Finding {
  kind: StatementKind = 'read';
  because: string | undefined;
  mayWrite = false;
  keepsConnection = false;
  changesCatalog = false;
  transaction: TransactionStep | undefined;
  readOnly = false;
  /** It named something that the catalog does not know. */
  needsCatalog = false;
  /** Its rows come otherwise than those of a query. */
  isCopy = false;
  /** The text itself is not understood. */
  isOdd = false;
  /** The relations that it names; `undefined`: it may read others. */
  #tables: Set<string> | undefined = new Set();
  /** What stands behind them. */
  readonly #restsOn = new Set<readonly string[]>();

  /** The worst kind counts, and of equal ones the first. */
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

  /** It reads that relation, and what stands behind it by the catalog. */
  noteTable(table: string, restsOn: readonly string[] | undefined): void {
    this.#tables?.add(table);
    if (this.#tables !== undefined && this.#tables.size > MAX_TABLES) this.#tables = undefined;
    if (restsOn !== undefined) this.#restsOn.add(restsOn);
  }

  /** WITH RECURSIVE gives a name that may have been used for a relation before. */
  noteGiven(name: string): void {
    if (this.#tables?.has(name) === true) this.#tables = undefined;
  }

  /** Something is named that the catalog has not heard of: it may do anything. */
  noteUnknown(because: string): void {
    this.note('unknown', because);
    this.mayWrite = true;
    this.needsCatalog = true;
  }

  /** The text itself is not understood: it may do anything, and the rest of it is not read. */
  noteOdd(because: string): void {
    this.note('unknown', because);
    this.isOdd = true;
    this.mayWrite = true;
    this.keepsConnection = true;
    this.changesCatalog = true;
  }

  /** The other's flags; not its kind. */
  noteFlags(other: Finding): void {
    this.isOdd ||= other.isOdd;
    this.mayWrite ||= other.mayWrite;
    this.keepsConnection ||= other.keepsConnection;
    this.changesCatalog ||= other.changesCatalog;
    this.needsCatalog ||= other.needsCatalog;
  }

  /** It reads what the other reads, and nothing else. */
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
    });
  }
}
