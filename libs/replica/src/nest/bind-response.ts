import onHeaders from 'on-headers';
import type { RequestContext } from '../context/request-context.js';
import { HeldAnswer, type RawResponse, type Sending } from './held-answer.js';

/** What is said with the response's headers. */
export interface ResponseHeaders {
  /** Also say who answered, each node's name behind this; `undefined`: do not. */
  readonly namePrefix: string | undefined;
  /** Called when the headers are about to leave, whoever sends them, with the call that makes them leave. Throws nothing. */
  readonly beforeHeaders: (sending: Sending) => void;
  /** Called once, when the request has ended. Throws nothing. */
  readonly onEnd: () => void;
}

/**
 * Ties a request's life to its HTTP response, whoever sends it (handler, `@Res()`, exception filter, middleware): nothing
 * of it leaves before the request's writes are saved to the session, and the request ends with it. Nothing in here throws: an
 * error in what sends a response ends the process, or leaves the client without any.
 */
export function bindResponse(response: RawResponse, request: RequestContext, headers: ResponseHeaders): void {
  const answer = new HeldAnswer(response, request);
  onHeaders(response, () => {
    headers.beforeHeaders(answer.sending);
    if (headers.namePrefix === undefined) return;
    appendHeader(response, 'x-replica-node', request.nodes, headers.namePrefix);
    appendHeader(response, 'x-replica-reason', request.reasons, headers.namePrefix);
  });
  const end = (): void => {
    if (request.ended) return;
    request.end();
    headers.onEnd();
  };
  response.once('finish', end);
  response.once('close', end);
}

function appendHeader(response: RawResponse, name: string, values: readonly string[], prefix: string): void {
  if (values.length === 0 || response.headersSent) return;
  const before = response.getHeader(name);
  const text = values.map((value) => prefix + value).join(',');
  response.setHeader(name, before === undefined ? text : `${String(before)},${text}`);
}
