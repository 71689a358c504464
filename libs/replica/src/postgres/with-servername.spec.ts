import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { withServername } from './with-servername.js';

const URL_OF_PRIMARY = 'postgres://app:s3%2Fcret@primary:6432/shop?sslmode=verify-full&options=-c%20x%3D1';

/** What `pg` would connect to. */
function parametersOf(config: pg.ClientConfig): Record<string, unknown> {
  const { user, password, database, host, port, options, ssl } = (
    new pg.Client(config) as unknown as { connectionParameters: Record<string, unknown> }
  ).connectionParameters;
  return { user, password, database, host, port, options, ssl };
}

describe('withServername', () => {
  it.each<[string, pg.ClientConfig, unknown]>([
    ['ssl: true', { ssl: true }, { servername: 'pg.internal' }],
    ['its own ssl', { ssl: { ca: 'x' } }, { servername: 'pg.internal', ca: 'x' }],
    ['a name given there', { ssl: { servername: 'given' } }, { servername: 'given' }],
    ['a URL with sslmode', { connectionString: URL_OF_PRIMARY }, { servername: 'pg.internal' }],
    [
      'a URL that does not verify',
      { connectionString: 'postgres://h/x?sslmode=no-verify' },
      { servername: 'pg.internal', rejectUnauthorized: false },
    ],
    ['no ssl', {}, false],
    ['ssl: false', { ssl: false }, false],
    ['a URL without TLS', { connectionString: 'postgres://h/x?sslmode=disable', ssl: true }, false],
  ])('tells TLS the name with %s', (_, config, ssl) => {
    const named = withServername(config, 'pg.internal');
    expect((new pg.Client(named) as unknown as { ssl: unknown }).ssl).toEqual(ssl);
  });

  it('keeps the rest of a URL, and the key, which pg hides', () => {
    const url = `${URL_OF_PRIMARY}&sslnegotiation=direct`;
    const named = withServername({ connectionString: url, application_name: 'x' }, 'pg.internal');
    expect(named).toMatchObject({ application_name: 'x', sslnegotiation: 'direct' });
    const { ssl: _, ...before } = parametersOf({ connectionString: url });
    expect(parametersOf(named)).toMatchObject(before);
    const ssl = { key: 'secret', cert: 'public' };
    const client = new pg.Client(withServername({ ssl }, 'pg.internal')) as unknown as { ssl: typeof ssl };
    expect(client.ssl.key).toBe('secret');
  });

  it('changes nothing without a name', () => {
    const config = { ssl: true };
    expect(withServername(config, undefined)).toBe(config);
  });
});
