import { describe, expect, it } from '@jest/globals';
import type { ReplicaDataSourceOptions } from '../options/replica-options.js';
import { resolveOptions } from '../options/resolve-options.js';
import { poolConfig, probeConfig, type PoolSettings } from './pool-config.js';

const SETTINGS: PoolSettings = { connectTimeoutMs: 10_000, extra: {}, onIdleError: () => undefined };

/** What `pg` is given for the primary and for the one replica. */
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
  it("says no more than TypeORM's options where there are no others", () => {
    const { primary } = configsOf({}, { poolSize: 7, applicationName: 'shop' });
    expect(primary).toEqual({
      host: 'a',
      connectionTimeoutMillis: 10_000,
      application_name: 'shop',
      max: 7,
    });
  });

  it('puts each option of a pool under the name and in the unit of pg', () => {
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

  it('takes the node before its role, the role before all, and what none says from TypeORM', () => {
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

  it("takes its own options before TypeORM's extra, and that before TypeORM's others", () => {
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

  it("gives the monitor's connection nothing but how to reach the node", () => {
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
