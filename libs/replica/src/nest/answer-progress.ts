import type { ServerResponse } from 'node:http';
import type { RequestContext } from '../context/request-context.js';
import type { SendKind } from './held-answer.js';

/** The state of the handler of an HTTP request. `answered`: it has ended, and its result is the whole answer. */
type Handler = 'none' | 'running' | 'answered';

/** What the headers that are about to leave tell about the body. */
export interface LeavingHeaders {
  readonly sending: SendKind;
  readonly response: Pick<ServerResponse, 'statusCode' | 'getHeader'> | undefined;
  readonly isSafeMethod: boolean;
}

/**
 * How far the answer to one HTTP request is. The question is whether its handler may still write when the headers
 * leave.
 */
export class AnswerProgress {
  #handler: Handler = 'none';
  /** Fastify sends a complete body with head and end, and a stream with writes. */
  #isFastify = false;

  handlerBegan(isFastify: boolean): void {
    this.#handler = 'running';
    this.#isFastify = isFastify;
  }

  /** The handler has ended with `value`, which is nothing or the response if the handler answers by itself. */
  handlerEnded(value: unknown): void {
    if (value !== undefined && !isResponse(value) && !isStream(value)) this.#handler = 'answered';
  }

  /** Whether the body may follow writes whose positions are not known yet. If that cannot be told, it may. */
  mayGoOn(request: RequestContext, headers: LeavingHeaders): boolean {
    const { sending, response, isSafeMethod } = headers;
    if (sending === 'end' || this.#handler === 'answered') return false;
    if (this.#handler === 'none' && isSafeMethod && request.nodes.length === 0) return false;
    if (sending === 'write') return true;
    const hasNoBody = response?.statusCode === 204 || response?.statusCode === 304;
    const hasLength = response?.getHeader('content-length') !== undefined;
    return !hasNoBody && !(hasLength && (this.#isFastify || this.#handler === 'none'));
  }
}

/** A response of Express or Node, or Fastify's reply. */
function isResponse(value: unknown): boolean {
  return typeof value === 'object' && value !== null && ('writeHead' in value || 'raw' in value);
}

/** Whatever Nest and its platforms send piece by piece. */
function isStream(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { pipe, getStream, getReader, arrayBuffer } = value as Readonly<Record<string, unknown>>;
  return (
    [pipe, getStream, getReader, arrayBuffer].some((method) => typeof method === 'function') ||
    Symbol.asyncIterator in value
  );
}
