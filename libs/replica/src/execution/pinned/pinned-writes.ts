import type { ContextStorage, Scope } from '../../context/context-storage.js';
import { OpenWrite } from '../../context/open-write.js';
import { isWrite } from '../../routing/decide-route.js';
import type { Position } from '../../session/position.js';
import type { LossMeaning } from './loss-meaning.js';
import type { ChangeLog } from './change-log.js';
import type { Statement } from '../statements/statement.js';

/** AND CHAIN does not match: it begins a transaction, and a failed question would harm that one. */
const END = /^(?:commit|rollback);?$/i;

/** An open transaction: the request in which it began, what it has written, and whether it may have changed anything. */
interface Transaction {
  readonly scope: Scope | undefined;
  write: OpenWrite | undefined;
  changes: boolean;
}

/**
 * What is written on one pinned connection, by the statement under way or by the open transaction. Tells the request when a write
 * has become visible, or at least has revealed something. Every answer of the primary binds the session, even an error, or an
 * answer that a ROLLBACK undoes.
 */
export class PinnedWrites {
  readonly #contexts: ContextStorage;
  readonly #onReplica: boolean;
  #transaction: Transaction | undefined;
  /** The write of the statement under way, if no transaction is open. */
  #write: OpenWrite | undefined;
  readonly #log: ChangeLog | undefined;
  /** What the statement under way or the open transaction has written to, if somebody wants to know. `tables` is absent for any. */
  #written: { tables?: Set<string> } | undefined;
  #logged: Promise<void> | undefined;

  constructor(contexts: ContextStorage, onReplica: boolean, log?: ChangeLog) {
    this.#contexts = contexts;
    this.#onReplica = onReplica;
    this.#log = log;
  }

  /** Resolves when the last change was logged. Gives it once; `undefined`: there is nothing to wait for. */
  takeLogged(): Promise<void> | undefined {
    const logged = this.#logged;
    this.#logged = undefined;
    return logged;
  }

  /** The open transaction. */
  get transaction(): { readonly changes: boolean } | undefined {
    return this.#transaction;
  }

  /** A statement is about to be sent. */
  begins(statement: Statement): void {
    if (this.#transaction !== undefined && isWrite(statement.kind)) this.#transaction.changes = true;
    if (!statement.mayWrite || this.#onReplica) return;
    if (this.#log !== undefined) this.#noteTables(statement);
    const request = this.#contexts.surrounding()?.request;
    if (this.#transaction === undefined) this.#write ??= new OpenWrite(request);
    else this.#transaction.write ??= new OpenWrite(request);
  }

  /**
   * The write that ends with this statement, if somebody wants to know its position. The primary may be asked for it right behind
   * the statement.
   */
  endsWith({ kind, transaction }: Statement, text: string): OpenWrite | undefined {
    const isAlone = this.#transaction === undefined && kind === 'write' && transaction === undefined;
    const write = isAlone ? this.#write : END.test(text) ? this.#transaction?.write : undefined;
    return write?.isWatched === true ? write : undefined;
  }

  /**
   * The statement succeeded. `isOpen`: whether a transaction is open after it. `position`: what the primary told along with the
   * answer.
   */
  succeeded(
    statement: Statement,
    { isOpen, position }: { readonly isOpen: boolean; readonly position?: Position },
  ): void {
    if (this.#transaction === undefined) {
      if (isOpen) this.#begin(statement);
      else {
        this.#takeWrite()?.happened(position);
        this.#logChanges(position);
      }
    } else if (!isOpen || statement.transaction === 'end') {
      this.#end((write) => write.happened(position));
      this.#logChanges(position);
      if (isOpen) this.#begin(statement);
    }
  }

  /** The primary answered with an error. `position`: what the primary told along with it. */
  failed({ transaction }: Statement, position?: Position): void {
    if (this.#transaction === undefined) {
      this.#takeWrite()?.happened(position);
      this.#logChanges(position);
      return;
    }
    if (transaction !== 'end') return;
    // A COMMIT failed. The server says a moment later that the transaction is over.
    this.#transaction.write?.happened(position);
    this.#transaction.write = undefined;
    this.#logChanges(position);
  }

  /** The connection was lost. */
  lost(meaning: LossMeaning): void {
    const isUnknown = meaning === 'commit-unknown' || meaning === 'write-unknown';
    const tell = (write: OpenWrite): void => (isUnknown ? write.lost() : write.abandoned());
    const write = this.#takeWrite();
    if (write !== undefined) tell(write);
    if (this.#transaction !== undefined) this.#end(tell);
    if (isUnknown) this.#logChanges();
  }

  /** The connection is being released. Returns the write that is still open, because nobody else will report it. */
  release(): OpenWrite | undefined {
    const write = this.#transaction?.write ?? this.#takeWrite();
    this.#end(() => undefined);
    this.#logChanges();
    return write;
  }

  #takeWrite(): OpenWrite | undefined {
    const write = this.#write;
    this.#write = undefined;
    return write;
  }

  #noteTables({ changes }: Statement): void {
    const written = (this.#written ??= { tables: new Set() });
    if (changes === undefined) delete written.tables;
    else for (const table of changes) written.tables?.add(table);
  }

  /** After a ROLLBACK, too: nobody loses more than a cached answer by it. */
  #logChanges(position?: Position): void {
    if (this.#written === undefined) return;
    this.#logged = this.#log?.changed(this.#written.tables, position);
    this.#written = undefined;
  }

  #begin({ kind }: Statement): void {
    const scope = this.#onReplica ? undefined : this.#contexts.surrounding();
    this.#transaction = { scope, write: this.#takeWrite(), changes: isWrite(kind) };
    scope?.request.transactionBegan();
  }

  #end(tell: (write: OpenWrite) => void): void {
    const ended = this.#transaction;
    this.#transaction = undefined;
    ended?.scope?.request.transactionEnded();
    if (ended?.write !== undefined) tell(ended.write);
  }
}
