import type { TableName } from '../../routing/table-name.js';
import type { Finding } from './finding.js';
import { type Frame, WithState } from './frame.js';
import { Token, type Tokenizer } from './tokenizer.js';

/**
 * The names that WITH gives to queries, each as far as it can be seen (manual, 7.8): in the queries behind it and in the
 * statement, up to the end of the parenthesis; its own query sees it only in WITH RECURSIVE.
 */
export class WithNames {
  /** How often each name is given in the frames around the current token. */
  readonly #visible = new Map<string, number>();
  readonly #finding: Finding;

  constructor(finding: Finding) {
    this.#finding = finding;
  }

  has({ schema, name }: TableName): boolean {
    return schema === undefined && this.#visible.has(name);
  }

  /** A name stands where a WITH list gives one: the names of its columns may follow. */
  name(frame: Frame, name: string): true {
    frame.with = WithState.named;
    frame.givenName = name;
    return true;
  }

  /** A parenthesis opens behind `before`: if it holds the query of the last name, that name can be seen, now or at its end. */
  open(frame: Frame, child: Frame, before: string): void {
    const { givenName: name } = frame;
    const isBody = frame.with === WithState.named && (before === 'as' || before === 'materialized');
    if (name === undefined || !isBody) return;
    frame.givenName = undefined;
    if (!frame.isRecursive) {
      child.bodyOf = name;
      return;
    }
    // The queries before it see it, too.
    this.#finding.noteGiven(name);
    this.#give(frame, name);
  }

  close(closed: Frame, outer: Frame): void {
    for (const name of closed.withNames ?? []) this.#take(name);
    if (closed.bodyOf !== undefined) this.#give(outer, closed.bodyOf);
  }

  #give(frame: Frame, name: string): void {
    frame.withNames ??= [];
    frame.withNames.push(name);
    this.#visible.set(name, (this.#visible.get(name) ?? 0) + 1);
  }

  #take(name: string): void {
    const left = (this.#visible.get(name) ?? 0) - 1;
    if (left > 0) this.#visible.set(name, left);
    else this.#visible.delete(name);
  }
}

/** The current token is RECURSIVE directly behind WITH: the keyword, unless it is itself the name that WITH gives. */
export function isRecursiveKeyword(tokens: Tokenizer): boolean {
  const ahead = tokens.fork();
  const type = ahead.next();
  return (
    type === Token.quoted || (type === Token.word && !/^as$/i.test(ahead.text.slice(ahead.start, ahead.end)))
  );
}
