import type { ServerResponse } from 'node:http';
import onHeaders from 'on-headers';
import type { RequestContext } from '../context/request-context.js';

/** Node's response, which Express extends and Fastify wraps. */
export type RawResponse = ServerResponse;

/** What is said with the response's headers. */
export interface ResponseHeaders {
  /** Also say who answered, each node's name behind this; `undefined`: do not. */
  readonly namePrefix: string | undefined;
  /** Called when the headers are about to leave, whoever sends them. */
  readonly beforeHeaders: () => void;
}

/**
 * Ties a request's life to its HTTP response, whoever sends it (handler, `@Res()`, exception filter, middleware): nothing
 * of it leaves before the request's writes are saved to the session, and the request ends with it.
 */
export function bindResponse(response: RawResponse, request: RequestContext, headers: ResponseHeaders): void {
  onHeaders(response, () => {
    headers.beforeHeaders();
    if (headers.namePrefix === undefined) return;
    appendHeader(response, 'x-replica-node', request.nodes, headers.namePrefix);
    appendHeader(response, 'x-replica-reason', request.reasons, headers.namePrefix);
  });
  holdBackUntilSettled(response, request);
  response.once('finish', () => request.end());
  response.once('close', () => request.end());
}

function appendHeader(response: RawResponse, name: string, values: readonly string[], prefix: string): void {
  if (values.length === 0 || response.headersSent) return;
  const before = response.getHeader(name);
  const text = values.map((value) => prefix + value).join(',');
  response.setHeader(name, before === undefined ? text : `${String(before)},${text}`);
}

type Send = (...args: unknown[]) => unknown;

/**
 * Puts off `write()` and `end()` while something is unsettled, in their order. Meanwhile the response looks as if its
 * headers had left: who sees that a response was begun does not begin another one.
 */
function holdBackUntilSettled(response: RawResponse, request: RequestContext): void {
  // oxlint-disable-next-line typescript/unbound-method -- called with their response
  const { write, end } = response as unknown as { write: Send; end: Send };
  let heldBack: (() => unknown)[] | undefined;

  const release = (): void => {
    const sends = heldBack ?? [];
    heldBack = undefined;
    delete (response as { headersSent?: boolean }).headersSent;
    try {
      for (const send of sends) send();
      if (!response.writableEnded) response.emit('drain');
    } catch (error) {
      response.destroy(error as Error);
    }
  };
  const holdBack = (send: () => unknown): void => {
    if (heldBack === undefined) {
      heldBack = [];
      Object.defineProperty(response, 'headersSent', { configurable: true, get: () => true });
      request.settle().then(release, release);
    }
    heldBack.push(send);
  };
  let isEnding = false;
  response.write = function (this: RawResponse, ...args: unknown[]): boolean {
    if (heldBack === undefined && request.trySettle()) return write.apply(this, args) as boolean;
    holdBack(() => write.apply(this, args));
    return false;
  } as RawResponse['write'];
  response.end = function (this: RawResponse, ...args: unknown[]): RawResponse {
    if (heldBack === undefined && request.trySettle()) return end.apply(this, args) as RawResponse;
    if (!isEnding) holdBack(() => end.apply(this, args));
    isEnding = true;
    return this;
  } as RawResponse['end'];
}
