import type { Position } from '../session/position.js';
import type { RequestContext } from './request-context.js';

/** One write of a request, from before it is sent until its outcome is known. The first outcome counts. */
export class OpenWrite {
  #request: RequestContext | undefined;
  #sights = 0;

  /** @param request the request that writes; outside any, nobody has to be told */
  constructor(request: RequestContext | undefined) {
    this.#request = request;
    request?.writes.begin();
  }

  /** Some request wants to know how it ends. */
  get isWatched(): boolean {
    return this.#request !== undefined;
  }

  /** The primary is asked now for a position, behind it. */
  asks(): void {
    this.#sights = this.#request?.sights ?? 0;
  }

  /**
   * The primary has answered: it has, or may have, happened and is visible there now; or the answer (an error, what was changed
   * before a ROLLBACK) told what is there, which binds like a write. `position`: what it told, see {@link asks}.
   */
  happened(position?: Position): void {
    this.#take()?.wrote(position === undefined ? undefined : { position, sights: this.#sights });
  }

  /** Nobody waits for the rest of its answer; see `RequestContext.wroteBy()`. */
  happensBy(end: Promise<unknown>): void {
    this.#take()?.wroteBy(end);
  }

  /** It is known not to have happened, and nothing was told by it. */
  abandoned(): void {
    this.#take()?.writes.abandon();
  }

  /** Nobody knows whether it happened, or when it will have: its connection was lost. */
  lost(): void {
    this.#take()?.lostWrite();
  }

  #take(): RequestContext | undefined {
    const request = this.#request;
    this.#request = undefined;
    return request;
  }
}
