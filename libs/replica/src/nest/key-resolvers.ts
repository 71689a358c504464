import type { ExecutionContext } from '@nestjs/common';
import type { SessionKey } from '../options/replica-options.js';
import { httpOf, sentCookie, setCookie } from './http-of.js';

/**
 * The session's key is the value of a cookie, as the client sends it. A client that gets the cookie with this very
 * response is known by it from then on: what it wrote is seen by its next request.
 */
export function fromCookie(name: string): SessionKey<ExecutionContext> {
  requireText('fromCookie', name, /[\s;,=]/);
  return (context) => setCookie(context, name) ?? sentCookie(context, name) ?? null;
}

/** The session's key is the value of a request header, e.g. `x-session-id`, or `authorization` for API clients. */
export function fromHeader(name: string): SessionKey<ExecutionContext> {
  requireText('fromHeader', name, /[^\w!#$%&'*.^`|~+-]/);
  return (context) => httpOf(context).requestHeader(name) ?? null;
}

/** @param forbidden what no such name can hold: with it no request would ever have a key */
function requireText(where: string, name: unknown, forbidden: RegExp): void {
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`${where}() needs a name, such as ${where}('sid')`);
  if (forbidden.test(name))
    throw new TypeError(`${where}() needs a name without blanks and marks that no such name can hold`);
}
