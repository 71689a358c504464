import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { withConnectionOf } from './node-connection.js';

const URL_OF_PRIMARY = 'postgres://app:s3%2Fcret@primary:6432/shop?sslmode=verify-full&options=-c%20x%3D1';

/** What `pg` would connect to. */
function parametersOf(config: pg.ClientConfig): Record<string, unknown> {
  const { user, password, database, host, port, options, ssl } = (
    new pg.Client(config) as unknown as { connectionParameters: Record<string, unknown> }
  ).connectionParameters;
  return { user, password, database, host, port, options, ssl };
}

describe('withConnectionOf', () => {
  it("takes user, password, database and ssl from the primary's parts", () => {
    const primary = {
      host: 'primary',
      port: 1,
      username: 'app',
      password: 's3cret',
      database: 'shop',
      ssl: true,
    };
    expect(withConnectionOf(primary, { name: 'r', host: '10.0.0.5', weight: 2, region: undefined })).toEqual({
      name: 'r',
      host: '10.0.0.5',
      weight: 2,
      username: 'app',
      password: 's3cret',
      database: 'shop',
      ssl: true,
    });
  });

  it('leaves alone what the node says itself', () => {
    const primary = { username: 'app', password: 's3cret', database: 'shop', ssl: true };
    const node = { host: 'r', port: 6000, username: 'reader', password: 'other', ssl: false };
    expect(withConnectionOf(primary, node)).toEqual({ ...node, database: 'shop' });
    expect(withConnectionOf(primary, { url: 'postgres://r/x' })).toEqual({ url: 'postgres://r/x' });
  });

  it.each([
    ['10.0.0.5', '10.0.0.5'],
    ['fd00::5', 'fd00::5'],
    ['db_1.internal', 'db_1.internal'],
    ['/run/postgresql', '/run/postgresql'],
  ])("takes all of the primary's URL for the node at %s", (host, reached) => {
    const { url, ...rest } = withConnectionOf({ url: URL_OF_PRIMARY }, { name: 'r', host });
    expect(rest).toEqual({ name: 'r' });
    expect(parametersOf({ connectionString: url })).toEqual({
      user: 'app',
      password: 's3/cret',
      database: 'shop',
      host: reached,
      port: 5432,
      options: '-c x=1',
      ssl: {},
    });
  });

  it("puts what the node says in the place of parts of the primary's URL", () => {
    const node = {
      host: 'r',
      port: 6000,
      username: 'r@d',
      password: 'p:/?#',
      database: 'o/ther',
      ssl: false,
    };
    const { url, ...rest } = withConnectionOf(
      { url: `${URL_OF_PRIMARY}&host=elsewhere&port=1&user=x&password=y` },
      node,
    );
    expect(parametersOf({ connectionString: url, ssl: rest.ssl as boolean })).toEqual({
      user: 'r@d',
      password: 'p:/?#',
      database: 'o/ther',
      host: 'r',
      port: 6000,
      options: '-c x=1',
      ssl: false,
    });
  });
});
