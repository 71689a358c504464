import type { ExecutionContext } from '@nestjs/common';

interface AnyRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | string[] | undefined>>;
}

export interface AnyResponse {
  readonly raw?: AnyResponse;
  readonly headersSent?: boolean;
  readonly statusCode?: number;
  getHeader?(name: string): unknown;
  setHeader?(name: string, value: unknown): void;
}

/** The HTTP headers of an execution context, whatever the framework. Without HTTP there are none. */
export interface HttpHeaders {
  /** A header of the response as it stands now. */
  responseHeader(name: string): unknown;
  /** Sets a header. Does nothing if the headers have left. */
  setHeader(name: string, value: unknown): void;
  /** Adds a value to a header. */
  appendHeader(name: string, value: string): void;
}

/** A header of the request, by its name in small letters. Found for each request, so nothing is made for it. */
export function requestHeader(context: ExecutionContext, name: string): string | undefined {
  const headers =
    context.getType() === 'http'
      ? context.getArgByIndex<AnyRequest | undefined>(0)?.headers
      : find(context).request?.headers;
  const value = headers?.[name];
  return Array.isArray(value) ? value[0] : value;
}

export function httpOf(context: ExecutionContext): HttpHeaders {
  const { response } = find(context);
  const raw = response?.raw ?? response;
  const responseHeader = (name: string): unknown => response?.getHeader?.(name) ?? raw?.getHeader?.(name);
  const setHeader = (name: string, value: unknown): void => {
    if (raw?.headersSent === false) raw.setHeader?.(name, value);
  };
  return {
    responseHeader,
    setHeader,
    appendHeader: (name, value) => {
      const before = raw?.getHeader?.(name);
      setHeader(
        name,
        before === undefined ? [value] : [...(Array.isArray(before) ? before : [before]), value],
      );
    },
  };
}

/**
 * The response behind an execution context: Node's own, or the one that Fastify wraps around it. `undefined` without
 * HTTP.
 */
export function responseOf(context: ExecutionContext): AnyResponse | undefined {
  return find(context).response;
}

/** The value of a cookie as the client sent it. An empty cookie counts as none. */
export function sentCookie(context: ExecutionContext, name: string): string | undefined {
  return cookieIn(requestHeader(context, 'cookie')?.split(';') ?? [], name);
}

/** The value of a cookie that the response sets, as it stands now. */
export function setCookie(context: ExecutionContext, name: string): string | undefined {
  const cookies = httpOf(context).responseHeader('set-cookie');
  return cookieIn(
    Array.isArray(cookies) ? cookies.map(String) : typeof cookies === 'string' ? [cookies] : [],
    name,
  );
}

/** In a list of `name=value; attributes` the last entry wins. */
function cookieIn(cookies: readonly string[], name: string): string | undefined {
  let value: string | undefined;
  for (const cookie of cookies) {
    const [pair = ''] = cookie.split(';');
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name)
      value = pair.slice(equals + 1).trim() || undefined;
  }
  return value;
}

function find(context: ExecutionContext): { request?: AnyRequest; response?: AnyResponse } {
  if (context.getType<string>() === 'graphql') {
    const { req, res, request, reply } = context.getArgByIndex<Record<string, unknown> | undefined>(2) ?? {};
    return { request: (req ?? request) as AnyRequest, response: (res ?? reply) as AnyResponse };
  }
  if (context.getType() !== 'http') return {};
  const http = context.switchToHttp();
  return { request: http.getRequest<AnyRequest>(), response: http.getResponse<AnyResponse>() };
}
