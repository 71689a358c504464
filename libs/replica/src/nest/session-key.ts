import type { ExecutionContext } from '@nestjs/common';
import type { SessionKey } from '../options/replica-options.js';
import { httpOf, sentCookie, setCookie } from './http-of.js';

/**
 * The session's key is the value of a cookie, as the client sends it. A client that gets the cookie with this very
 * response is known by it from then on: what it wrote is seen by its next request.
 */
export function fromCookie(name: string): SessionKey<ExecutionContext> {
  requireText('fromCookie', name);
  return (context) => setCookie(context, name) ?? sentCookie(context, name) ?? null;
}

/** The session's key is the value of a request header, e.g. `x-session-id`, or `authorization` for API clients. */
export function fromHeader(name: string): SessionKey<ExecutionContext> {
  requireText('fromHeader', name);
  return (context) => httpOf(context).requestHeader(name) ?? null;
}

function requireText(where: string, name: unknown): void {
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`${where}() needs a name, such as ${where}('sid')`);
}
