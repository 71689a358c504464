import type { ContextStorage, Scope } from '../../context/context-storage.js';
import { OpenWrite } from '../../context/open-write.js';
import { isWrite } from '../../routing/decide-route.js';
import type { Position } from '../../session/position.js';
import type { LossMeaning } from './loss-meaning.js';
import type { Statement } from '../statements/statement.js';

/** Not AND CHAIN: in the transaction that this begins, a question that fails would do harm. */
const END = /^(?:commit|rollback);?$/i;

/** An open transaction: the request in which it began, what it has written, and whether anything may have been. */
interface Transaction {
  readonly scope: Scope | undefined;
  write: OpenWrite | undefined;
  changes: boolean;
}

/**
 * What is written on one pinned connection, by the statement under way or the open transaction. Tells the request when that has become
 * visible, or was at least told of: any answer of the primary binds, also an error, or one that a ROLLBACK undoes.
 */
export class PinnedWrites {
  readonly #contexts: ContextStorage;
  readonly #onReplica: boolean;
  #transaction: Transaction | undefined;
  /** The write of the statement under way, outside a transaction. */
  #write: OpenWrite | undefined;

  constructor(contexts: ContextStorage, onReplica: boolean) {
    this.#contexts = contexts;
    this.#onReplica = onReplica;
  }

  /** The open transaction. */
  get transaction(): { readonly changes: boolean } | undefined {
    return this.#transaction;
  }

  /** A statement is about to be sent. */
  begins(statement: Statement): void {
    if (this.#transaction !== undefined && isWrite(statement.kind)) this.#transaction.changes = true;
    if (!statement.mayWrite || this.#onReplica) return;
    const request = this.#contexts.surrounding()?.request;
    if (this.#transaction === undefined) this.#write ??= new OpenWrite(request);
    else this.#transaction.write ??= new OpenWrite(request);
  }

  /** What ends with this statement, behind which the primary may be asked for its position, if somebody wants to know. */
  endsWith({ kind, transaction }: Statement, text: string): OpenWrite | undefined {
    const isAlone = this.#transaction === undefined && kind === 'write' && transaction === undefined;
    const write = isAlone ? this.#write : END.test(text) ? this.#transaction?.write : undefined;
    return write?.isWatched === true ? write : undefined;
  }

  /** It succeeded. `isOpen`: a transaction is open behind it; `position`: what the primary told along with the answer. */
  succeeded(
    statement: Statement,
    { isOpen, position }: { readonly isOpen: boolean; readonly position?: Position },
  ): void {
    if (this.#transaction === undefined) {
      if (isOpen) this.#begin(statement);
      else this.#takeWrite()?.happened(position);
    } else if (!isOpen || statement.transaction === 'end') {
      this.#end((write) => write.happened(position));
      if (isOpen) this.#begin(statement);
    }
  }

  /** The primary answered by an error. `position`: what it told along with that. */
  failed({ transaction }: Statement, position?: Position): void {
    if (this.#transaction === undefined) this.#takeWrite()?.happened(position);
    if (this.#transaction === undefined || transaction !== 'end') return;
    // A COMMIT that failed; the server says a moment later that the transaction is over.
    this.#transaction.write?.happened(position);
    this.#transaction.write = undefined;
  }

  /** The connection was lost. */
  lost(meaning: LossMeaning): void {
    const isUnknown = meaning === 'commit-unknown' || meaning === 'write-unknown';
    const tell = (write: OpenWrite): void => (isUnknown ? write.lost() : write.abandoned());
    const write = this.#takeWrite();
    if (write !== undefined) tell(write);
    if (this.#transaction !== undefined) this.#end(tell);
  }

  /** The connection is released: gives what is still open, which nobody else tells of. */
  release(): OpenWrite | undefined {
    const write = this.#transaction?.write ?? this.#takeWrite();
    this.#end(() => undefined);
    return write;
  }

  #takeWrite(): OpenWrite | undefined {
    const write = this.#write;
    this.#write = undefined;
    return write;
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
