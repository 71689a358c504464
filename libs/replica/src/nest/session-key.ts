import type { ExecutionContext } from '@nestjs/common';
import type { SessionKey } from '../options/replica-options.js';

interface HttpRequest {
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
}

interface HttpResponse {
  getHeader?(name: string): unknown;
}

/**
 * The session's key is the value of a cookie, as the client sends it. A client that gets the cookie with this very
 * response is known by it from then on: what it wrote is seen by its next request.
 */
export function fromCookie(name: string): SessionKey<ExecutionContext> {
  requireText('fromCookie', name);
  return (context) => {
    const { request, response } = httpOf(context);
    const sent = request?.headers?.cookie;
    return (
      cookieValue(response?.getHeader?.('set-cookie'), name) ??
      cookieValue(typeof sent === 'string' ? sent.split(';') : undefined, name) ??
      null
    );
  };
}

/** The session's key is the value of a request header, e.g. `x-session-id`, or `authorization` for API clients. */
export function fromHeader(name: string): SessionKey<ExecutionContext> {
  requireText('fromHeader', name);
  const key = name.toLowerCase();
  return (context) => {
    const value = httpOf(context).request?.headers?.[key];
    return (Array.isArray(value) ? value[0] : value) ?? null;
  };
}

function requireText(where: string, name: unknown): void {
  if (typeof name !== 'string' || name === '')
    throw new TypeError(`${where}() needs a name, such as ${where}('sid')`);
}

/** The value of the cookie in a list of `name=value; attributes`; the last one wins, an empty one is none. */
function cookieValue(cookies: unknown, name: string): string | undefined {
  const list = Array.isArray(cookies) ? cookies : typeof cookies === 'string' ? [cookies] : [];
  let value: string | undefined;
  for (const cookie of list) {
    const [pair = ''] = String(cookie).split(';');
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name)
      value = pair.slice(equals + 1).trim() || undefined;
  }
  return value;
}

function httpOf(context: ExecutionContext): { request?: HttpRequest; response?: HttpResponse } {
  if (context.getType<string>() === 'graphql') {
    const { req, res } = context.getArgByIndex(2) ?? {};
    return { request: req, response: res };
  }
  if (context.getType() !== 'http') return {};
  const http = context.switchToHttp();
  return { request: http.getRequest<HttpRequest>(), response: http.getResponse<HttpResponse>() };
}
