import type { KeptNode } from '../routing/route-query.js';

/** The node that a request reads from, kept for as long as it will do. */
export class ReadingNode {
  #kept: KeptNode | undefined;
  /** Set while the kept node was chosen and has not answered yet: its name, and what was kept before. */
  #choice: { readonly name: string; readonly before: KeptNode | undefined } | undefined;

  /** `undefined`: the request has read nothing. */
  get kept(): KeptNode | undefined {
    return this.#kept;
  }

  /** The request reads from this node: from the decision on, that reads at the same time do not choose another. */
  keep(node: KeptNode): void {
    const before = this.#kept;
    if (node.allowsStale && before?.allowsStale === false) return;
    this.#choice = undefined;
    const isOlder = before !== undefined && before.lastReadMs > node.lastReadMs;
    this.#kept = isOlder ? { ...node, lastReadMs: before.lastReadMs } : node;
  }

  /** As {@link keep}, before the first answer. */
  keepChoice(node: KeptNode): void {
    const before = this.#kept;
    this.keep(node);
    this.#choice = { name: node.name, before };
  }

  /** The node failed to answer. If it was only chosen and showed nothing, another one may be chosen just as freely. */
  dropChoice(name: string): void {
    if (this.#choice?.name !== name) return;
    this.#kept = this.#choice.before;
    this.#choice = undefined;
  }

  /** Nothing has been read yet that determines where reads of this kind go. */
  isFirstRead(allowsStale: boolean): boolean {
    return this.#kept === undefined || (this.#kept.allowsStale && !allowsStale);
  }
}
