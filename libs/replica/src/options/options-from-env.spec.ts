import { describe, expect, it } from '@jest/globals';
import { replicaOptionsFromEnv } from './options-from-env.js';

const URL_1 = 'postgres://app:pa%2Css@db/shop';

describe('replicaOptionsFromEnv', () => {
  it('reads the primary and one replica', () => {
    expect(
      replicaOptionsFromEnv({ DATABASE_URL: URL_1, DATABASE_READ_REPLICA_URL: 'postgres://r1/shop' }),
    ).toEqual({
      type: 'postgres',
      primary: { url: URL_1 },
      replicas: [{ url: 'postgres://r1/shop' }],
      enabled: true,
    });
  });

  it('reads several replicas, separated by commas', () => {
    const env = { DATABASE_URL: URL_1, DATABASE_READ_REPLICA_URL: ' postgres://r1/s , postgresql://r2/s' };
    expect(replicaOptionsFromEnv(env).replicas).toEqual([
      { url: 'postgres://r1/s' },
      { url: 'postgresql://r2/s' },
    ]);
  });

  it.each(['0', 'false', 'off', 'no', 'FALSE'])('has no replica when ENABLE_READ_REPLICA is %s', (value) => {
    const env = {
      DATABASE_URL: URL_1,
      DATABASE_READ_REPLICA_URL: 'postgres://r1/s',
      ENABLE_READ_REPLICA: value,
    };
    expect(replicaOptionsFromEnv(env)).toMatchObject({ enabled: false, replicas: [] });
  });

  it.each([undefined, '', '1', 'true', 'on', 'yes'])(
    'has replicas when ENABLE_READ_REPLICA is %j',
    (value) => {
      const env = {
        DATABASE_URL: URL_1,
        DATABASE_READ_REPLICA_URL: 'postgres://r1/s',
        ENABLE_READ_REPLICA: value,
      };
      expect(replicaOptionsFromEnv(env)).toMatchObject({
        enabled: true,
        replicas: [{ url: 'postgres://r1/s' }],
      });
    },
  );

  it('reads both nodes from their parts, and gives the replica the credentials of the primary unless it has its own', () => {
    const env = {
      POSTGRES_HOST: 'db',
      POSTGRES_PORT: '6432',
      POSTGRES_USER: 'app',
      POSTGRES_PASSWORD: 'p',
      POSTGRES_DB: 'shop',
      POSTGRES_READ_REPLICA_HOST: 'r1',
      POSTGRES_READ_REPLICA_USER: 'reader',
    };
    expect(replicaOptionsFromEnv(env)).toEqual({
      type: 'postgres',
      primary: { host: 'db', port: 6432, username: 'app', password: 'p', database: 'shop' },
      replicas: [{ host: 'r1', port: undefined, username: 'reader', password: 'p', database: 'shop' }],
      enabled: true,
    });
  });

  it('takes the credentials of a primary that is given by URL', () => {
    expect(replicaOptionsFromEnv({ DATABASE_URL: URL_1, POSTGRES_READ_REPLICA_HOST: 'r1' }).replicas).toEqual(
      [{ host: 'r1', port: undefined, username: 'app', password: 'pa,ss', database: 'shop' }],
    );
  });

  it.each(['mysql', 'mariadb'] as const)('reads the URLs of %s', (type) => {
    const env = { DATABASE_URL: `${type}://a:p@db/shop`, DATABASE_READ_REPLICA_URL: 'mysql://r1/shop' };
    expect(replicaOptionsFromEnv<'mysql' | 'mariadb'>(env)).toEqual({
      type,
      primary: { url: env.DATABASE_URL },
      replicas: [{ url: 'mysql://r1/shop' }],
      enabled: true,
    });
  });

  it('has no replica if none is named', () => {
    expect(replicaOptionsFromEnv({ DATABASE_URL: URL_1 })).toMatchObject({ replicas: [], enabled: true });
  });

  it.each<[Record<string, string>, string]>([
    [{}, 'DATABASE_URL is missing'],
    [{ DATABASE_URL: 'mongodb://a:s3cret@h/d' }, 'DATABASE_URL begins with mongodb://'],
    [
      { DATABASE_URL: 'mysql://a/b', DATABASE_READ_REPLICA_URL: 'postgres://a:s3cret@r/b' },
      'begins with postgres://; it must begin with mysql:// or mariadb://',
    ],
    [
      { DATABASE_URL: URL_1, DATABASE_READ_REPLICA_URL: 'postgres://a/b,' },
      'DATABASE_READ_REPLICA_URL (number 2 of 2) is empty',
    ],
    [{ DATABASE_URL: URL_1, ENABLE_READ_REPLICA: 'maybe' }, 'ENABLE_READ_REPLICA must be one of'],
    [{ POSTGRES_HOST: 'h', POSTGRES_PORT: 'x' }, 'POSTGRES_PORT must be a number'],
  ])('reports %j', (env, problem) => {
    expect(() => replicaOptionsFromEnv(env)).toThrow(problem);
    expect(() => replicaOptionsFromEnv(env)).not.toThrow('s3cret');
  });
});
