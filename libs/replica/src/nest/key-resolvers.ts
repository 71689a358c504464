import type { ExecutionContext } from '@nestjs/common';
import type { SessionKey } from '../options/replica-options.js';
import { requestHeader, sentCookie, setCookie } from './http-of.js';

/** The resolvers of this file. They ask the HTTP request and its response alone. */
const OF_EXCHANGE = new WeakSet<object>();

/**
 * Whether a resolver may have to know more than the HTTP request, such as its handler or what a guard has found out. That is so for
 * all resolvers of the application's own.
 */
export function mayNeedHandler(key: SessionKey<never> | undefined): boolean {
  return key !== undefined && !OF_EXCHANGE.has(key);
}

function ofExchange(key: SessionKey<ExecutionContext>): SessionKey<ExecutionContext> {
  OF_EXCHANGE.add(key);
  return key;
}

/**
 * The session's key is the value of a cookie. If this very response sets the cookie, its value counts, so that the
 * client's next request sees what this one wrote.
 */
export function fromCookie(name: string): SessionKey<ExecutionContext> {
  requireText('fromCookie', name, /[\s;,=]/);
  return ofExchange((context) => setCookie(context, name) ?? sentCookie(context, name) ?? null);
}

/** The session's key is the value of a request header, such as `x-session-id`, or `authorization` for API clients. */
export function fromHeader(name: string): SessionKey<ExecutionContext> {
  requireText('fromHeader', name, /[^\w!#$%&'*.^`|~+-]/);
  const sent = name.toLowerCase();
  return ofExchange((context) => requestHeader(context, sent) ?? null);
}

/** @param forbidden matches what no such name can hold: with it no request would ever have a key */
function requireText(where: string, name: unknown, forbidden: RegExp): void {
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`${where}() needs a name, such as ${where}('sid')`);
  if (forbidden.test(name))
    throw new TypeError(`${where}() needs a name without blanks and marks that no such name can hold`);
}
