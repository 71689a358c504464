import type { Position } from '../session/position.js';
import type { RequestContext } from './request-context.js';

/**
 * One write of a request, from before it is sent until its outcome is known: open, as the `Ledger` calls it, which tells what
 * states come next. The first outcome counts.
 */
export class OpenWrite {
  #request: RequestContext | undefined;
  #sightings = 0;

  /** @param request the request that writes; outside any, nobody needs to know */
  constructor(request: RequestContext | undefined) {
    this.#request = request;
    request?.ledger.begin();
  }

  /** Some request wants to know how it ends. */
  get isWatched(): boolean {
    return this.#request !== undefined;
  }

  /** The primary is asked now for a position, behind the write. */
  asks(): void {
    this.#sightings = this.#request?.ledger.sightings ?? 0;
  }

  /**
   * The primary has answered. The write has happened, or may have, and is visible there now; or the answer (an error, what was
   * changed before a ROLLBACK) told what the primary holds, which binds like a write. `position`: what the primary was
   * {@link asks asked} for, if it told it.
   */
  happened(position?: Position): void {
    this.#take()?.wrote(position === undefined ? undefined : { position, sightings: this.#sightings });
  }

  /** Nobody waits for the rest of its answer; see `RequestContext.wroteBy()`. */
  happensBy(end: Promise<unknown>): void {
    this.#take()?.wroteBy(end);
  }

  /** It is known not to have happened, and it told nothing. */
  abandoned(): void {
    this.#take()?.ledger.abandon();
  }

  /** Its connection was lost: nobody knows whether it happened, or when it will have. */
  lost(): void {
    this.#take()?.lostWrite();
  }

  #take(): RequestContext | undefined {
    const request = this.#request;
    this.#request = undefined;
    return request;
  }
}
