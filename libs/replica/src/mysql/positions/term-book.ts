import type { Position } from '../../session/position.js';
import type { Claim, ReplayedWrites, WriteHistory } from './write-history.js';

/** A server that accepts or accepted writes. */
interface Term<H> extends Claim<H> {
  /** A higher one began later. Servers with the same number cannot be told apart. */
  readonly number: number;
  /** `held`: it accepts writes. `silent`: it did when it last answered. `ended`: it refuses writes since. */
  readonly state: 'held' | 'silent' | 'ended';
}

/** What a server that accepts writes says of itself. */
export interface WriterAnswer<H> extends Claim<H> {
  /** It still receives from another server, or that cannot be told. */
  readonly isFollowing: boolean;
}

/** What is known of a server that refuses writes. */
export interface FollowerStanding {
  /** The number of the newest term on whose history it is; `undefined`: nobody knows. */
  readonly epoch: number | undefined;
  /** Its position in the newest term's history, or one that it has passed there; `undefined`: nobody knows. */
  readonly position: Position | undefined;
  /** Somebody wrote on it while another server was the primary. */
  readonly hasErrantWrites: boolean;
}

/** The first server's term, if nobody else has ever written what it has. */
const NEVER_PROMOTED = 1;
/** The first server's term, if it has followed another one at some time. */
const ONCE_PROMOTED = 2;

/**
 * Numbers the terms of the servers that accept writes: each promotion begins a higher one (see `ProbeResult.epoch`). Neither MySQL nor
 * MariaDB has such a number, so this process gives them out, by what it sees:
 *
 * - What servers have written tells who took over from whom ({@link WriteHistory.orderOf}).
 * - A server that has written nothing yet was promoted if it was seen to follow, and the primary then became read-only or silent.
 *
 * Otherwise two servers get the same number, which the judge of roles takes for a conflict. Numbers differ between processes, and are
 * never stored. One book serves all nodes of a cluster. Servers go by any name that is unique, such as `server_id` or `server_uuid`.
 */
export class TermBook<R extends ReplayedWrites, H extends WriteHistory<H, R>> {
  readonly #terms = new Map<string, Term<H>>();
  /** What was last known of the servers that were seen to refuse writes, and were not promoted since. */
  readonly #followers = new Map<string, FollowerStanding>();

  /** The server whose term is the newest; of several, the first one that was seen. `undefined` while none was seen. */
  get newest(): Claim<H> | undefined {
    return this.#newest();
  }

  /** A server accepts writes. Returns the number of its term. */
  wrote(server: string, answer: WriterAnswer<H>): number {
    const { writer, history } = answer;
    const newest = this.#newest();
    const number = newest === undefined ? firstNumberOf(answer) : this.#numberOf(server, answer, newest);
    const term: Term<H> = { writer, history, number, state: 'held' };
    this.#terms.set(server, term);
    // One that cannot be told apart yet may turn out to be promoted when the primary ends.
    if (this.#newest() === term) this.#followers.delete(server);
    return number;
  }

  /**
   * Whether a server that accepts writes may have taken over from a primary that has ended, but was not seen to: the server was seen to
   * follow.
   */
  mayHaveTakenOver(server: string): boolean {
    return this.#followers.has(server) && this.#newest()?.state === 'held';
  }

  /** A server refuses writes. */
  followed(server: string, replayed: R): FollowerStanding {
    const own = this.#terms.get(server);
    if (own !== undefined) this.#terms.set(server, { ...own, state: 'ended' });
    const standing = this.#standingOf(server, replayed);
    this.#followers.set(server, standing);
    return standing;
  }

  /** A server does not answer. */
  lost(server: string): void {
    const term = this.#terms.get(server);
    if (term?.state === 'held') this.#terms.set(server, { ...term, state: 'silent' });
  }

  /** The position of a write that the newest term's server has confirmed; `undefined`: another server wrote it. */
  positionOfWrite(gtid: string): Position | undefined {
    const newest = this.#newest();
    return newest?.history.positionOfWrite(gtid, newest.writer);
  }

  #newest(): Term<H> | undefined {
    let newest: Term<H> | undefined;
    for (const term of this.#terms.values())
      if (newest === undefined || term.number > newest.number) newest = term;
    return newest;
  }

  #numberOf(server: string, answer: WriterAnswer<H>, newest: Term<H>): number {
    const own = this.#terms.get(server);
    const { writer, history, isFollowing } = answer;
    if (own === newest) {
      const hasLostTerm = !isFollowing && history.hasOthersSince(own.history, writer);
      return hasLostTerm ? newest.number + 1 : newest.number;
    }
    const isVacant = newest.state !== 'held';
    const order = history.orderOf(writer, newest);
    // Of two servers that were promoted apart, the first one stays the primary: it may have confirmed a write since it was asked.
    const hasSucceeded = order === 'ahead' || (order === undefined && this.#followers.has(server));
    const isNewer = order === 'newer' || (isVacant && hasSucceeded);
    if (isNewer && (isVacant || !isFollowing)) return newest.number + 1;
    if (order === 'older')
      return Math.max(NEVER_PROMOTED, Math.min(own?.number ?? Infinity, newest.number - 1));
    return own?.number ?? newest.number;
  }

  #standingOf(server: string, replayed: R): FollowerStanding {
    const newest = this.#newest();
    if (newest === undefined)
      return { epoch: undefined, position: replayed.position, hasErrantWrites: false };
    // What the last primary wrote before it refused writes may be newer than what is known of it.
    const wasPrimary = this.#terms.get(server) === newest;
    const hasErrantWrites = !wasPrimary && newest.history.lacksOwnWritesOf(replayed, server);
    const term = this.#termOf(server, replayed);
    if (term === undefined) {
      // It follows a server that is not known as a primary yet. What it had before, it still has.
      const before = this.#followers.get(server);
      const position = before?.epoch === newest.number ? before.position : undefined;
      return { epoch: before?.epoch, position, hasErrantWrites };
    }
    // Of two terms with the same number, only one is that of the primary.
    const isOnNewest = term === newest;
    const position = isOnNewest ? term.history.positionOf(replayed, term.writer) : undefined;
    return { epoch: term.number, position, hasErrantWrites };
  }

  /** The newest term whose history holds all that the server has replayed, but for what somebody wrote on the server itself. */
  #termOf(server: string, replayed: R): Term<H> | undefined {
    let found: Term<H> | undefined;
    for (const term of this.#terms.values()) {
      if (found !== undefined && term.number <= found.number) continue;
      const isOnHistory = term.history
        .writersBeyond(replayed)
        .every((writer) => writer === server || (writer === term.writer && term.state !== 'ended'));
      if (isOnHistory) found = term;
    }
    return found;
  }
}

function firstNumberOf<H extends WriteHistory<H, never>>({ writer, history }: Claim<H>): number {
  return history.hasOthersThan(writer) ? ONCE_PROMOTED : NEVER_PROMOTED;
}
