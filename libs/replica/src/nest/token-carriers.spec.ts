import { afterEach, describe, expect, it } from '@jest/globals';
import type { ExecutionContext } from '@nestjs/common';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { cookieToken, headerToken } from './token-carriers.js';

const { NODE_ENV } = process.env;

function contextWith(
  requestHeaders: object,
  responseHeaders: Record<string, unknown> = {},
  headersSent = false,
) {
  const response = {
    headersSent,
    getHeader: (name: string) => responseHeaders[name],
    setHeader: (name: string, value: unknown) => void (responseHeaders[name] = value),
  };
  const context: ExecutionContext = new ExecutionContextHost([{ headers: requestHeaders }, response]);
  return { context, responseHeaders };
}

describe('cookieToken', () => {
  afterEach(() => {
    process.env.NODE_ENV = NODE_ENV;
  });

  it('sets a cookie that scripts cannot read and other sites do not send', () => {
    const { context, responseHeaders } = contextWith({});
    cookieToken().write(context, 'TOKEN', 29_001);
    expect(responseHeaders['set-cookie']).toEqual([
      'replica_session=TOKEN; Max-Age=30; Path=/; HttpOnly; SameSite=Lax',
    ]);
  });

  it('takes the attributes that it is given', () => {
    const { context, responseHeaders } = contextWith({});
    const options = {
      name: 'r',
      path: '/api',
      domain: 'example.org',
      secure: true,
      sameSite: 'Strict',
    } as const;
    cookieToken(options).write(context, 'T', 1_000);
    expect(responseHeaders['set-cookie']).toEqual([
      'r=T; Max-Age=1; Path=/api; Domain=example.org; HttpOnly; Secure; SameSite=Strict',
    ]);
  });

  it('is for HTTPS alone in production, and where the browser asks for it', () => {
    const secureOf = (token: ReturnType<typeof cookieToken>): boolean => {
      const { context, responseHeaders } = contextWith({});
      token.write(context, 'T', 1_000);
      return String(responseHeaders['set-cookie']).includes('; Secure');
    };
    process.env.NODE_ENV = 'production';
    expect([secureOf(cookieToken()), secureOf(cookieToken({ secure: false }))]).toEqual([true, false]);
    process.env.NODE_ENV = 'development';
    expect([secureOf(cookieToken()), secureOf(cookieToken({ sameSite: 'None' }))]).toEqual([false, true]);
  });

  it.each([
    [undefined, 1],
    ['a=1', 2],
    [['a=1', 'b=2'], 3],
  ])('stands beside %j', (before, count) => {
    const { context, responseHeaders } = contextWith({}, { 'set-cookie': before });
    cookieToken().write(context, 'T', 1_000);
    expect(responseHeaders['set-cookie']).toHaveLength(count);
    for (const cookie of [before ?? []].flat()) expect(responseHeaders['set-cookie']).toContain(cookie);
  });

  it('is not set when the headers have left', () => {
    const { context, responseHeaders } = contextWith({}, {}, true);
    cookieToken().write(context, 'T', 1_000);
    expect(responseHeaders).toEqual({});
  });

  it.each([
    ['replica_session=T', 'T'],
    ['a=1; replica_session=T; b=2', 'T'],
    ['xreplica_session=T', undefined],
    ['replica_session=', undefined],
    ['replica_session', undefined],
    [undefined, undefined],
  ])('is found in %j', (cookie, expected) => {
    expect(cookieToken().read(contextWith({ cookie }).context)).toBe(expected);
  });

  it.each([
    [{ name: 'a b' }, "needs a cookie's name"],
    [{ name: '' }, "needs a cookie's name"],
    [{ path: '/;Domain=evil' }, '{ path }) must be a text that can stand in a cookie'],
    [{ domain: 'a\r\nb' }, '{ domain }) must be a text that can stand in a cookie'],
    [{ sameSite: 'none' as never }, "must be 'Strict', 'Lax' or 'None'"],
    [{ sameSite: 'None' as const, secure: false }, 'needs secure: true'],
  ])('refuses %j', (options, message) => {
    expect(() => cookieToken(options)).toThrow(message);
  });
});

describe('headerToken', () => {
  it('is read from the request and set on the response', () => {
    const { context, responseHeaders } = contextWith({ 'x-replica-token': 'OLD' });
    const token = headerToken();
    expect(token.read(context)).toBe('OLD');
    token.write(context, 'NEW', 1_000);
    expect(responseHeaders).toEqual({ 'x-replica-token': 'NEW' });
    expect(headerToken('X-Position').read(contextWith({ 'x-position': 'P' }).context)).toBe('P');
  });

  it.each(['', 'a b', 'a:b', 'a\n'])('refuses the name %j', (name) => {
    expect(() => headerToken(name)).toThrow("needs a header's name");
  });
});
