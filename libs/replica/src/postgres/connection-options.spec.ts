import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import type { ReplicaDataSourceOptions } from '../options/typeorm-options.js';
import { resolveOptions } from '../options/resolve-options.js';
import {
  poolConfig,
  probeConfig,
  type PoolSettings,
  withServername,
  withConnectionOf,
} from './connection-options.js';
import { importPg } from './pg-module.js';

await importPg();

const SETTINGS: PoolSettings = { connectTimeoutMs: 10_000, extra: {}, onIdleError: () => undefined };

const URL_OF_PRIMARY = 'postgres://app:s3%2Fcret@primary:6432/shop?sslmode=verify-full&options=-c%20x%3D1';

/** The parameters with which `pg` would connect. */
function parametersOf(config: pg.ClientConfig): Record<string, unknown> {
  const { user, password, database, host, port, options, ssl } = (
    new pg.Client(config) as unknown as { connectionParameters: Record<string, unknown> }
  ).connectionParameters;
  return { user, password, database, host, port, options, ssl };
}

/** The configs of the primary and of the only replica. */
function configsOf(
  changes: Partial<ReplicaDataSourceOptions<never>>,
  settings: Partial<PoolSettings> = {},
): { primary: object; replica: object } {
  const { primary, replicas } = resolveOptions<never>({
    type: 'postgres',
    primary: { host: 'a' },
    replicas: [{ host: 'b' }],
    ...changes,
  });
  const all = { ...SETTINGS, ...settings };
  const [replica] = replicas;
  if (replica === undefined) throw new Error('one replica');
  return { primary: poolConfig(primary, all), replica: poolConfig(replica, all) };
}

describe('poolConfig', () => {
  it("adds nothing to TypeORM's options by default", () => {
    const { primary } = configsOf({}, { poolSize: 7, applicationName: 'shop' });
    expect(primary).toEqual({
      host: 'a',
      connectionTimeoutMillis: 10_000,
      application_name: 'shop',
      max: 7,
    });
  });

  it('translates each pool option to the name and unit of pg', () => {
    const { replica } = configsOf({
      pool: {
        size: 5,
        idleTimeoutMs: 30_000,
        connectTimeoutMs: 2_000,
        maxLifetimeMs: 90_500,
        statementTimeoutMs: 4_000,
        applicationName: 'reports',
      },
    });
    expect(replica).toEqual({
      host: 'b',
      max: 5,
      idleTimeoutMillis: 30_000,
      connectionTimeoutMillis: 2_000,
      maxLifetimeSeconds: 90.5,
      statement_timeout: 4_000,
      application_name: 'reports',
    });
  });

  it('prefers the options of the node, then of its role, then of all nodes, then of TypeORM', () => {
    const { primary, replica } = configsOf(
      {
        pool: { size: 5, idleTimeoutMs: 1_000, primary: { size: 20 }, replica: { size: 30 } },
        replicas: [{ host: 'b', pool: { size: 40 } }],
      },
      { poolSize: 99 },
    );
    expect(primary).toMatchObject({ max: 20, idleTimeoutMillis: 1_000, connectionTimeoutMillis: 10_000 });
    expect(replica).toMatchObject({ max: 40, idleTimeoutMillis: 1_000 });
  });

  it("prefers its own options to TypeORM's extra, and extra to TypeORM's other options", () => {
    const extra = { max: 3, statement_timeout: 100, application_name: 'extra', keepAlive: true };
    const { primary } = configsOf(
      { pool: { size: 5, statementTimeoutMs: 200 } },
      { poolSize: 99, applicationName: 'named', extra },
    );
    expect(primary).toMatchObject({
      max: 5,
      statement_timeout: 200,
      application_name: 'extra',
      keepAlive: true,
    });
  });

  it.each([0, undefined, null, Number.NaN])(
    'keeps a limit to waiting for a connection where extra says %p',
    (connectionTimeoutMillis) => {
      const { primary } = configsOf({}, { extra: { connectionTimeoutMillis } });
      expect(primary).toMatchObject({ connectionTimeoutMillis: 10_000 });
    },
  );

  it("tells the monitor's connection only how to reach the node", () => {
    const { primary } = resolveOptions<never>({
      type: 'postgres',
      primary: { host: 'a', pool: { statementTimeoutMs: 1, applicationName: 'x' } },
    });
    expect(probeConfig(primary, { ...SETTINGS, extra: { ssl: true, statement_timeout: 1 } })).toEqual({
      host: 'a',
      ssl: true,
    });
  });
});

describe('withServername', () => {
  it.each<[string, pg.ClientConfig, unknown]>([
    ['ssl: true', { ssl: true }, { servername: 'pg.internal' }],
    ['its own ssl', { ssl: { ca: 'x' } }, { servername: 'pg.internal', ca: 'x' }],
    ['an ssl with a servername', { ssl: { servername: 'given' } }, { servername: 'given' }],
    ['a URL with sslmode', { connectionString: URL_OF_PRIMARY }, { servername: 'pg.internal' }],
    [
      'a URL that does not verify',
      { connectionString: 'postgres://h/x?sslmode=no-verify' },
      { servername: 'pg.internal', rejectUnauthorized: false },
    ],
    ['no ssl', {}, false],
    ['ssl: false', { ssl: false }, false],
    ['a URL without TLS', { connectionString: 'postgres://h/x?sslmode=disable', ssl: true }, false],
  ])('passes the name to TLS with %s', (_, config, ssl) => {
    const named = withServername(config, 'pg.internal');
    expect((new pg.Client(named) as unknown as { ssl: unknown }).ssl).toEqual(ssl);
  });

  it('keeps the rest of a URL and the key, which pg hides', () => {
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

  it('keeps the options of the node', () => {
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
  ])("uses all of the primary's URL for the node at %s", (host, reached) => {
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

  it("replaces parts of the primary's URL with the options of the node", () => {
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
