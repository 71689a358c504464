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
 * Ties a request's life to its HTTP response, whoever sends it (handler, `@Res()`, exception filter, middleware): it does
 * not end before the request's writes are saved to the session, and the request ends with it.
 */
export function bindResponse(response: RawResponse, request: RequestContext, headers: ResponseHeaders): void {
  onHeaders(response, () => {
    headers.beforeHeaders();
    if (headers.namePrefix === undefined) return;
    appendHeader(response, 'x-replica-node', request.nodes, headers.namePrefix);
    appendHeader(response, 'x-replica-reason', request.reasons, headers.namePrefix);
  });
  endWhenSettled(response, request);
  response.once('finish', () => request.end());
  response.once('close', () => request.end());
}

function appendHeader(response: RawResponse, name: string, values: readonly string[], prefix: string): void {
  if (values.length === 0 || response.headersSent) return;
  const before = response.getHeader(name);
  const text = values.map((value) => prefix + value).join(',');
  response.setHeader(name, before === undefined ? text : `${String(before)},${text}`);
}

/** Puts off `end()` while something is unsettled; what is written after it was called is refused as ever. */
function endWhenSettled(response: RawResponse, request: RequestContext): void {
  // oxlint-disable-next-line typescript/unbound-method -- called with its response
  const end = response.end as (...args: unknown[]) => RawResponse;
  let isWaiting = false;
  response.end = function (this: RawResponse, ...args: unknown[]): RawResponse {
    if (isWaiting) return this;
    if (!request.unsettled) return end.apply(this, args);
    isWaiting = true;
    void request.settle().then(() => end.apply(this, args));
    return this;
  } as RawResponse['end'];
}
