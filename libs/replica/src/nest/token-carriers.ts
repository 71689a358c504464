import type { ExecutionContext } from '@nestjs/common';
import { OptionProblems } from '../options/option-problems.js';
import type { TokenCarrier } from '../options/replica-options.js';
import { httpOf, requestHeader, sentCookie } from './http-of.js';

/** Attributes of the cookie of {@link cookieToken}. */
export interface CookieTokenOptions {
  /** Default `replica_session`. */
  readonly name?: string;
  /** Default `/`. */
  readonly path?: string;
  /** Default: none, so the cookie is for this host only. */
  readonly domain?: string;
  /**
   * Only over HTTPS. Default `true` if `NODE_ENV` is `production`, and with `sameSite: 'None'`, which requires it.
   */
  readonly secure?: boolean;
  /** Default `Lax`. */
  readonly sameSite?: 'Strict' | 'Lax' | 'None';
}

const COOKIE_KEYS = ['name', 'path', 'domain', 'secure', 'sameSite'];

/**
 * The client carries its session's position in a signed cookie (`HttpOnly`). No store is needed, and every instance
 * of the application can read it. The cookie is set when the session has written, and again while it reads. Needs
 * `session.secrets`.
 *
 * Requests of one client that write at the same time on different instances overwrite each other's cookie. If that
 * happens, use a store.
 */
export function cookieToken(options: CookieTokenOptions = {}): TokenCarrier<ExecutionContext> {
  const problems = new OptionProblems();
  if (problems.object('', options, COOKIE_KEYS)) problems.boolean('secure', options.secure);
  if (problems.list.length > 0) throw new TypeError(`cookieToken(): ${problems.list.join(', ')}`);
  const { name = 'replica_session', path = '/', domain, sameSite = 'Lax' } = options;
  const secure = options.secure ?? (sameSite === 'None' || process.env.NODE_ENV === 'production');
  if (typeof name !== 'string' || !/^[\w!#$%&'*.^`|~+-]+$/.test(name))
    throw new TypeError(`cookieToken() needs a cookie's name: letters, digits, '-' and '_'`);
  for (const [key, value] of Object.entries({ path, domain: domain ?? '' })) {
    if (typeof value !== 'string' || !/^[ -:<-~]*$/.test(value))
      throw new TypeError(`cookieToken({ ${key} }) must be a text that can stand in a cookie`);
  }
  if (!['Strict', 'Lax', 'None'].includes(sameSite))
    throw new TypeError(`cookieToken({ sameSite }) must be 'Strict', 'Lax' or 'None'`);
  if (sameSite === 'None' && !secure)
    throw new TypeError(`cookieToken({ sameSite: 'None' }) needs secure: true: browsers refuse it otherwise`);
  return {
    read: (context) => sentCookie(context, name),
    write: (context, token, maxAgeMs) => {
      const attributes = [
        `${name}=${token}`,
        `Max-Age=${Math.ceil(maxAgeMs / 1000)}`,
        `Path=${path}`,
        ...(domain === undefined ? [] : [`Domain=${domain}`]),
        'HttpOnly',
        ...(secure ? ['Secure'] : []),
        `SameSite=${sameSite}`,
      ];
      httpOf(context).appendHeader('set-cookie', attributes.join('; '));
    },
  };
}

/**
 * For API clients. The response to a write has the token in a header, and the client sends it back in the same header
 * of its requests.
 */
export function headerToken(name = 'x-replica-token'): TokenCarrier<ExecutionContext> {
  if (typeof name !== 'string' || !/^[\w!#$%&'*.^`|~+-]+$/.test(name))
    throw new TypeError(`headerToken() needs a header's name: letters, digits, '-' and '_'`);
  return {
    read: (context) => requestHeader(context, name.toLowerCase()),
    write: (context, token) => httpOf(context).setHeader(name, token),
  };
}
