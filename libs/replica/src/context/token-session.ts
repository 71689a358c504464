import { hashText } from '../routing/rendezvous.js';
import type { SessionView } from '../routing/route-query.js';
import type { SessionClock } from '../session/session-clock.js';
import { mergeSessionStates, NEW_SESSION, type SessionState } from '../session/session-state.js';
import type { SessionTable } from '../session/session-table.js';
import type { TokenCodec } from '../session/token-codec.js';
import type { RequestSession } from './request-session.js';

/** What a {@link TokenSession} works with. */
export interface TokenSessionOptions {
  readonly codec: TokenCodec;
  readonly clock: SessionClock;
  readonly ttlMs: number;
  /** The token that came with the request. Anything but one of ours counts as none. */
  readonly token: string | undefined;
  /** Shares the latest position between requests of one session that run at the same time in this process. */
  readonly memory: SessionTable;
  /** A token came that is not one of ours. */
  readonly onForeignToken: () => void;
}

/** For this long after it was read, a token says where the session reads from; milliseconds. Few requests take longer. */
const OUTDATED_AFTER_MS = 1_000;

/** A session whose state its client carries (or a job, or a message): nothing is looked up. */
export class TokenSession implements RequestSession {
  readonly ttlMs: number;
  readonly #codec: TokenCodec;
  readonly #clock: SessionClock;
  readonly #memory: SessionTable;
  readonly #id: string;
  readonly #keyHash: number;
  #state: SessionState;
  #isChanged = false;
  /** A session that began with this request is known to no other process. */
  readonly isShared: boolean;
  /** Milliseconds of the monotonic clock. */
  readonly #readMs = performance.now();

  constructor({ codec, clock, ttlMs, token, memory, onForeignToken }: TokenSessionOptions) {
    const content = token === undefined || token === '' ? undefined : codec.decode(token, clock.earliestMs());
    if (content === undefined && token !== undefined && token !== '') onForeignToken();
    this.ttlMs = ttlMs;
    this.isShared = content !== undefined;
    this.#codec = codec;
    this.#clock = clock;
    this.#memory = memory;
    this.#id = content?.id ?? codec.newId();
    this.#keyHash = hashText(this.#id);
    const known = content === undefined ? undefined : memory.load(this.#id);
    this.#state = mergeSessionStates(content?.state ?? NEW_SESSION, known ?? NEW_SESSION);
  }

  readonly standing = 'known';
  readonly mayBeSaved = true;
  /** The response takes the position along. */
  readonly isLocal = false;

  readonly isBoundElsewhere = false;

  bind(): boolean {
    return false;
  }

  announce(): undefined {
    return undefined;
  }

  view(nowMs: number): SessionView {
    const recent = this.#memory.load(this.#id);
    if (recent !== undefined) this.#state = mergeSessionStates(this.#state, recent);
    const { position, primaryUntilMs = 0, unconfirmedUntilMs = 0, servedBy, servedAtMs } = this.#state;
    return {
      keyHash: this.#keyHash,
      status: 'loaded',
      position,
      onPrimary: primaryUntilMs > nowMs,
      isUnconfirmed: unconfirmedUntilMs > nowMs,
      primaryUntilMs,
      unconfirmedUntilMs,
      servedBy,
      servedAtMs,
      notedForMs: servedAtMs === undefined ? undefined : nowMs - servedAtMs,
      isOutdated: performance.now() - this.#readMs > OUTDATED_AFTER_MS,
    };
  }

  loaded(): Promise<void> {
    return Promise.resolve();
  }

  save(state: SessionState): Promise<void> {
    this.#memory.save(this.#id, state, this.ttlMs);
    this.#state = mergeSessionStates(this.#state, state);
    this.#isChanged = true;
    return Promise.resolve();
  }

  /** Whether the client has to be given a new token. */
  get isChanged(): boolean {
    return this.#isChanged;
  }

  /** A token of the session as it is now, with `unsaved` added. */
  token(unsaved: SessionState = NEW_SESSION): string {
    const state = mergeSessionStates(
      mergeSessionStates(this.#state, this.#memory.load(this.#id) ?? NEW_SESSION),
      unsaved,
    );
    return this.#codec.encode({ id: this.#id, state, expiresAtMs: this.#clock.latestMs() + this.ttlMs });
  }
}
