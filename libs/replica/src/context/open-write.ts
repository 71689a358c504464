import type { RequestContext } from './request-context.js';

/** One write of a request, from before it is sent until its outcome is known. The first outcome counts. */
export class OpenWrite {
  #request: RequestContext | undefined;

  /** @param request the request that writes; outside any, nobody has to be told */
  constructor(request: RequestContext | undefined) {
    this.#request = request;
    request?.writes.begin();
  }

  /** It has, or may have, happened, and is visible on the primary now. */
  happened(): void {
    this.#take()?.wrote();
  }

  /** It is known not to have happened. */
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
