import { keepsConnection, kindOf, mayWrite, SEVERITY, type Effects } from './effect.js';
import { READ, type Statement, type StatementKind, type TransactionStep } from './statement.js';

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
  /** The text itself is not understood. */
  isOdd = false;

  /** The worst kind counts, and of equal ones the first. */
  note(kind: StatementKind, because: string): void {
    if (SEVERITY[kind] <= SEVERITY[this.kind]) return;
    this.kind = kind;
    this.because = because;
  }

  noteEffects(effects: Effects, because: string): void {
    if (effects === 0) return;
    this.note(kindOf(effects), because);
    this.mayWrite ||= mayWrite(effects);
    this.keepsConnection ||= keepsConnection(effects);
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

  toStatement(): Statement {
    if (this.kind === 'read') return READ;
    return Object.freeze({
      kind: this.kind,
      because: this.because,
      mayWrite: this.mayWrite,
      keepsConnection: this.keepsConnection,
      ...(this.transaction === undefined ? {} : { transaction: this.transaction }),
      ...(this.readOnly ? { readOnly: true as const } : {}),
      changesCatalog: this.changesCatalog,
    });
  }
}
