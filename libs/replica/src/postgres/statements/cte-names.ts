import type { TableName } from '../../routing/table-name.js';
import type { Finding } from './finding.js';
import { type Frame, WithState } from './frame.js';
import { Token, type Tokenizer } from './tokenizer.js';

/**
 * The visible names of common table expressions (manual, 7.8). A name is visible in the queries after it and in the statement, up to the
 * end of the parenthesis. Its own query sees it only in WITH RECURSIVE.
 */
export class CteNames {
  /** How many frames around the current token define each name. */
  readonly #visible = new Map<string, number>();
  readonly #finding: Finding;

  constructor(finding: Finding) {
    this.#finding = finding;
  }

  has({ schema, name }: TableName): boolean {
    return schema === undefined && this.#visible.has(name);
  }

  /** Handles a new name in a WITH list. The names of its columns may follow. */
  name(frame: Frame, name: string): true {
    frame.with = WithState.named;
    frame.pendingCte = name;
    return true;
  }

  /** Handles a parenthesis after `before`. If it contains the query of the last name, that name becomes visible now or at its end. */
  open(frame: Frame, child: Frame, before: string): void {
    const { pendingCte: name } = frame;
    const isBody = frame.with === WithState.named && (before === 'as' || before === 'materialized');
    if (name === undefined || !isBody) return;
    frame.pendingCte = undefined;
    if (!frame.isRecursive) {
      child.bodyOf = name;
      return;
    }
    // The queries before it see it, too.
    this.#finding.noteCteName(name);
    this.#show(frame, name);
  }

  close(closed: Frame, outer: Frame): void {
    for (const name of closed.cteNames ?? []) this.#hide(name);
    if (closed.bodyOf !== undefined) this.#show(outer, closed.bodyOf);
  }

  #show(frame: Frame, name: string): void {
    frame.cteNames ??= [];
    frame.cteNames.push(name);
    this.#visible.set(name, (this.#visible.get(name) ?? 0) + 1);
  }

  #hide(name: string): void {
    const left = (this.#visible.get(name) ?? 0) - 1;
    if (left > 0) this.#visible.set(name, left);
    else this.#visible.delete(name);
  }
}

/** Whether RECURSIVE, the current token right after WITH, is the keyword and not the name that WITH defines. */
export function isRecursiveKeyword(tokens: Tokenizer): boolean {
  const ahead = tokens.fork();
  const type = ahead.next();
  return (
    type === Token.quoted || (type === Token.word && !/^as$/i.test(ahead.text.slice(ahead.start, ahead.end)))
  );
}
