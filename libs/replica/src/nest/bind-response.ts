import onHeaders from 'on-headers';
import type { RequestContext } from '../context/request-context.js';
import { HeldAnswer, type RawResponse, type SendKind } from './held-answer.js';

/** What a response's headers tell. */
export interface ResponseHeaders {
  /** Stands before each node's name in the headers that tell who answered; `undefined`: there are no such headers. */
  readonly namePrefix: string | undefined;
  /** Called right before the headers leave, with the call that sends them. Throws nothing. */
  readonly beforeHeaders: (sending: SendKind) => void;
  /** Called once, when the request has ended. Throws nothing. */
  readonly onEnd: () => void;
}

/**
 * Ties a request's life to its HTTP response, whoever sends it: handler, `@Res()`, exception filter or middleware.
 * Nothing of the response leaves before the request's writes are saved to the session, and the request ends with the
 * response.
 *
 * Nothing in here throws. An error in whatever sends a response would end the process or leave the client without
 * one.
 */
export function bindResponse(response: RawResponse, request: RequestContext, headers: ResponseHeaders): void {
  // The headers are made when they leave, so what holds them back stands above what makes them.
  let answer: HeldAnswer | undefined;
  onHeaders(response, () => {
    headers.beforeHeaders(answer?.sending ?? 'head');
    if (headers.namePrefix === undefined) return;
    appendHeader(response, 'x-replica-node', request.nodes, headers.namePrefix);
    appendHeader(response, 'x-replica-reason', request.reasons, headers.namePrefix);
    const { missedVisibility } = request;
    if (missedVisibility !== undefined)
      appendHeader(response, 'x-replica-not-visible', [missedVisibility], headers.namePrefix);
  });
  answer = new HeldAnswer(response, request);
  const end = (): void => {
    if (request.ended) return;
    request.end();
    headers.onEnd();
  };
  // The first statement may come after the answer. Node takes the socket away when the answer has been sent.
  if (response.destroyed || (response.writableEnded && isNone(response.socket))) return end();
  if (response.writableEnded) request.answered();
  response.once('finish', end);
  response.once('close', end);
}

function appendHeader(response: RawResponse, name: string, values: readonly string[], prefix: string): void {
  if (values.length === 0 || response.headersSent) return;
  const before = response.getHeader(name);
  const text = values.map((value) => prefix + value).join(',');
  response.setHeader(name, before === undefined ? text : `${String(before)},${text}`);
}

function isNone(value: unknown): boolean {
  return value === null || value === undefined;
}
