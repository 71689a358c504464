import type { TableName } from '../../routing/table-name.js';
import type { Finding } from './finding.js';

/** How far the reader is in a WITH list. */
export const WithState = { none: 0, name: 1, named: 2 } as const;

/** What is known of WITH lists in one pair of parentheses, or in the statement as a whole. */
export interface CteFrame {
  with: number;
  /** WITH RECURSIVE */
  isRecursive: boolean;
  /** the last name that WITH defined, until its query begins */
  pendingCte: string | undefined;
  /** the names that WITH has defined in this frame */
  cteNames: string[] | undefined;
  /** the name in the surrounding WITH list whose query this frame is */
  bodyOf: string | undefined;
}

/**
 * The visible names of common table expressions. A name is visible in the queries after it and in the statement, up to the
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
  name(frame: CteFrame, name: string): true {
    frame.with = WithState.named;
    frame.pendingCte = name;
    return true;
  }

  /** Handles a parenthesis after `before`. If it contains the query of the last name, that name becomes visible now or at its end. */
  open(frame: CteFrame, child: CteFrame, before: string): void {
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

  close(closed: CteFrame, outer: CteFrame): void {
    for (const name of closed.cteNames ?? []) this.#hide(name);
    if (closed.bodyOf !== undefined) this.#show(outer, closed.bodyOf);
  }

  #show(frame: CteFrame, name: string): void {
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
