import { afterEach, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import type { DataSource, DataSourceOptions, Logger } from 'typeorm';
import { isReady } from '../support/app/test-app.js';
import { until } from '../support/until.js';
import { useLedgerCluster } from '../support/cluster/use-cluster.js';
import { Account, Entry } from '../support/ledger/accounts.js';

type Options = ConstructorParameters<typeof ReplicaDataSource>[0];
type ResultCache = NonNullable<DataSource['queryResultCache']>;
type CacheEntry = Parameters<ResultCache['getFromCache']>[0];

const MINUTE_MS = 60_000;

/** A cache in memory, as an application may bring its own. */
class OwnCache implements ResultCache {
  readonly maker = 'the application';
  readonly #entries = new Map<string | undefined, CacheEntry>();
  isConnected = false;

  get size(): number {
    return this.#entries.size;
  }
  async connect(): Promise<void> {
    this.isConnected = true;
  }
  async disconnect(): Promise<void> {
    this.isConnected = false;
  }
  async synchronize(): Promise<void> {}
  async getFromCache({ identifier, query }: CacheEntry): Promise<CacheEntry | undefined> {
    return this.#entries.get(identifier ?? query);
  }
  async storeInCache(entry: CacheEntry): Promise<void> {
    this.#entries.set(entry.identifier ?? entry.query, entry);
  }
  isExpired({ time = 0, duration }: CacheEntry): boolean {
    return time + duration < Date.now();
  }
  async clear(): Promise<void> {
    this.#entries.clear();
  }
  async remove(identifiers: string[]): Promise<void> {
    identifiers.forEach((identifier) => this.#entries.delete(identifier));
  }
}

const cluster = useLedgerCluster({ replicas: 1, count: 2 });

describe('a data source beside what TypeORM has', () => {
  const open: DataSource[] = [];

  afterEach(async () => {
    for (const dataSource of open.splice(0)) await dataSource.destroy();
  });

  const optionsWith = (changes: Partial<Options>): Options => ({
    type: 'postgres',
    primary: { url: cluster.primary.url },
    replicas: cluster.replicas.map(({ url }) => ({ url })),
    entities: [Account, Entry],
    monitor: { intervalMs: 100 },
    ...changes,
  });

  async function ready<T extends ReplicaDataSource>(dataSource: T): Promise<T> {
    await dataSource.initialize();
    open.push(dataSource);
    await until(() => isReady(dataSource.router));
    return dataSource;
  }

  const start = (changes: Partial<Options> = {}): Promise<ReplicaDataSource> =>
    ready(new ReplicaDataSource(optionsWith(changes)));

  const isStandby = async (dataSource: DataSource): Promise<unknown> => {
    const rows = await dataSource.query<{ standby: boolean }[]>('SELECT pg_is_in_recovery() AS standby');
    return rows[0]?.standby;
  };

  it('can be cloned property by property', async () => {
    const dataSource = await start();
    const clone: ReplicaDataSource = Object.assign(
      Object.create(Object.getPrototypeOf(dataSource) as object),
      dataSource,
    );
    expect(clone).toBeInstanceOf(ReplicaDataSource);
    expect(await isStandby(clone)).toBe(false);
    expect(await clone.router.runOnReplica({}, () => isStandby(clone))).toBe(true);
    expect(await clone.router.runOnPrimary(() => isStandby(clone))).toBe(false);
    expect(await clone.getRepository(Account).count()).toBe(2);
    const runner = clone.createQueryRunner();
    expect(await clone.query('SELECT 1 AS one', [], runner)).toEqual([{ one: 1 }]);
    await runner.release();
    await clone.destroy();
    open.splice(0);
    expect(() => dataSource.router.topology()).toThrow('not initialized');
  });

  it('can be cloned before it is initialized', async () => {
    const dataSource = new ReplicaDataSource(optionsWith({}));
    const clone: ReplicaDataSource = Object.assign(
      Object.create(Object.getPrototypeOf(dataSource) as object),
      dataSource,
    );
    await ready(clone);
    expect(await clone.router.runOnReplica({}, () => isStandby(clone))).toBe(true);
  });

  it('can be created again from its own options', async () => {
    const first = await start({ applicationName: 'first' });
    const changed = { ...first.options, applicationName: 'second' } as Options;
    const second = await ready(new ReplicaDataSource(changed));
    expect(second.router.topology().replicas).toHaveLength(1);
    await second.router.runOnReplica({}, async () => {
      const rows = await second.query(
        `SELECT current_setting('application_name') AS name, pg_is_in_recovery() AS standby`,
      );
      expect(rows).toEqual([{ name: 'second', standby: true }]);
    });
    await first.destroy();
    open.splice(0, 1);
    expect(await isStandby(second)).toBe(false);
  });

  it('can be extended, with a query of its own', async () => {
    const texts: string[] = [];
    class Recording extends ReplicaDataSource {
      // oxlint-disable-next-line typescript/no-explicit-any -- the default of TypeORM's own signature
      override query<T = any>(sql: string, ...rest: never[]): Promise<T> {
        texts.push(sql);
        return super.query<T>(sql, ...rest);
      }
    }
    const dataSource = await ready(new Recording(optionsWith({})));
    expect(await dataSource.router.runOnReplica({}, () => isStandby(dataSource))).toBe(true);
    expect(texts).toEqual(['SELECT pg_is_in_recovery() AS standby']);
  });

  it('gives runners the mode that was asked for', async () => {
    const dataSource = await start();
    for (const mode of ['master', 'slave'] as const) {
      const runner = dataSource.createQueryRunner(mode);
      expect(runner.getReplicationMode()).toBe(mode);
      await dataSource.router.runOnReplica({}, async () => {
        const [row] = await runner.query('SELECT pg_is_in_recovery() AS standby');
        expect(row).toEqual({ standby: mode === 'slave' });
      });
      await runner.release();
    }
    expect(dataSource.createQueryRunner().getReplicationMode()).toBe('master');
  });

  it.each([true, false])(
    'tells the logger what the server sends, if logNotifications is %p',
    async (isTold) => {
      const logged: string[] = [];
      const ignore = (): void => undefined;
      const logger: Logger = {
        log: (level, message: unknown) => level === 'info' && void logged.push(String(message)),
        logQuery: ignore,
        logQueryError: ignore,
        logQuerySlow: ignore,
        logSchemaBuild: ignore,
        logMigration: ignore,
      };
      const dataSource = await start({ logNotifications: isTold, logger });
      const runner = dataSource.createQueryRunner();
      await runner.query(`DO $$ BEGIN RAISE NOTICE 'a notice'; END $$`);
      await runner.query('LISTEN channel');
      await runner.query(`NOTIFY channel, 'hello'`);
      await runner.query('NOTIFY channel');
      await runner.release();
      const told = [
        'a notice',
        'Received NOTIFY on channel channel: hello.',
        'Received NOTIFY on channel channel: .',
      ];
      const fromServer = logged.filter((line) => !line.startsWith('[nestjs-replica]'));
      expect(fromServer).toEqual(isTold ? told : []);
    },
  );

  describe('with a result cache of its own', () => {
    const readCached = (dataSource: DataSource): Promise<Account | null> =>
      dataSource
        .getRepository(Account)
        .findOne({ where: { owner: 'owner-1' }, cache: { id: 'ann', milliseconds: MINUTE_MS } });

    async function startWith(cache: DataSourceOptions['cache']): Promise<[ReplicaDataSource, OwnCache]> {
      const dataSource = await start({ cache });
      return [dataSource, dataSource.queryResultCache as unknown as OwnCache];
    }

    it('gives it to whoever asks, as it is', async () => {
      const made: OwnCache[] = [];
      const provider = (): OwnCache => {
        const cache = new OwnCache();
        made.push(cache);
        return cache;
      };
      const [dataSource, cache] = await startWith({ provider });
      expect(cache).toBeInstanceOf(OwnCache);
      expect(cache).toMatchObject({ maker: 'the application', isConnected: true });
      await readCached(dataSource);
      await dataSource.router.runOnReplica({}, () => readCached(dataSource));
      expect([cache.size, made[0]?.size]).toEqual([1, 1]);
      await cache.remove(['ann']);
      // What is left of it says that it was removed, and answers nobody.
      const left = await made[0]?.getFromCache({ identifier: 'ann' } as CacheEntry);
      expect(left !== undefined && made[0]?.isExpired(left)).toBe(true);
    });

    it('routes one that is given later', async () => {
      const dataSource = await start();
      expect(dataSource.queryResultCache).toBeUndefined();
      const own = new OwnCache();
      dataSource.setOptions({ cache: { provider: () => own } });
      const { router } = dataSource;
      await router.runOnReplica({}, () => readCached(dataSource));
      expect(own.size).toBe(1);
      await cluster.primary.query(`UPDATE account SET balance = 5 WHERE owner = 'owner-1'`);
      expect(await router.runOnReplica({}, () => readCached(dataSource))).toMatchObject({ balance: 0 });
      expect(await router.runOnPrimary(() => readCached(dataSource))).toMatchObject({ balance: 5 });
      const another = new OwnCache();
      dataSource.queryResultCache = another;
      expect(
        await router.runOnReplica({ consistency: 'eventual' }, () => readCached(dataSource)),
      ).toBeDefined();
      expect(another.size).toBe(1);
    });

    it('keeps its errors to those who use it', async () => {
      const own = new OwnCache();
      own.getFromCache = () => Promise.reject(new Error('the cache is down'));
      const strict = await start({ cache: { provider: () => own } });
      await expect(strict.router.runOnReplica({}, () => readCached(strict))).rejects.toThrow(
        'the cache is down',
      );
      expect(await strict.router.runOnReplica({}, () => strict.getRepository(Account).count())).toBe(2);
      const lenient = await start({ cache: { provider: () => own, ignoreErrors: true } });
      expect(await lenient.router.runOnReplica({}, () => readCached(lenient))).toMatchObject({
        owner: 'owner-1',
      });
    });
  });
});
