import { RecentCount } from './recent-count.js';

/** Which texts are prepared. */
export interface PreparePolicy {
  /** A text is prepared from its nth use on. */
  readonly after: number;
  /** How many statements are kept on each connection. Each one takes memory on the server. */
  readonly perConnection: number;
}

/** With more lost statements within `WITHIN_MS`, something between here and the server does not support them. */
const MAX_LOST = 10;
const WITHIN_MS = 60_000;

/** Tells which texts to prepare, for as long as the server keeps what it has prepared. */
export class Preparation {
  readonly perConnection: number;
  readonly #lost: RecentCount;
  #after: number;

  /** @param policy `undefined`: nothing is prepared */
  constructor(policy: PreparePolicy | undefined, nowMs: () => number) {
    this.perConnection = policy?.perConnection ?? 0;
    this.#after = policy?.after ?? Infinity;
    this.#lost = new RecentCount(WITHIN_MS, nowMs);
  }

  isDue({ uses }: { readonly uses: number }): boolean {
    return uses >= this.#after;
  }

  /** The server has lost a statement. If that happens again and again, nothing is prepared any more. */
  noteLoss(): void {
    if (this.#lost.add() > MAX_LOST) this.#after = Infinity;
  }
}
