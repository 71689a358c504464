import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ToyClient, ToyDatabase } from '../../../../test/support/toy-database.js';
import type { Scope } from '../context/context-storage.js';
import { SessionHandle } from '../context/session-handle.js';
import { resolveOptions } from '../options/resolve-options.js';
import type { StatementEvent } from '../routing/statement-event.js';
import { MemorySessionStore } from '../session/memory.store.js';
import { Engine } from './engine.js';
import { OperatorLog } from './operator-log.js';
import { intentOf } from './read-options.js';

/** Everything that is neutral, on a database of the tests' own: the engine knows no PostgreSQL, or this could not run. */
describe('an engine on a database in memory', () => {
  let database: ToyDatabase;
  let engine: Engine;
  let store: MemorySessionStore;
  let told: StatementEvent[];
  let warnings: string[];

  beforeEach(async () => {
    database = new ToyDatabase('primary', 'r1', 'r2');
    store = new MemorySessionStore();
    told = [];
    warnings = [];
    const log = new OperatorLog();
    log.sendTo({ log: () => undefined, warn: (line) => void warnings.push(line), error: () => undefined });
    const options = resolveOptions<never>({
      type: 'postgres',
      primary: { host: 'primary' },
      replicas: [
        { name: 'r1', host: 'r1' },
        { name: 'r2', host: 'r2' },
      ],
      monitor: { intervalMs: 20, catchUpIntervalMs: 5 },
    } as never);
    engine = new Engine(options, database, log);
    engine.events.on('statement', (event) => void told.push(event));
    await engine.start([]);
    await engine.learnSchema([]);
    await until(() => engine.cluster.monitor.topology.replicas.every(({ health }) => health === 'up'));
  });

  afterEach(async () => {
    await engine.stop();
  });

  const until = async (isSo: () => boolean): Promise<void> => {
    const deadline = Date.now() + 10_000;
    while (!isSo()) {
      if (Date.now() > deadline) throw new Error('it does not come to be so within 10 s');
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };

  /** A request of the session of this key; `fn` gets how to query on a client of its own. */
  async function request<T>(
    key: string,
    fn: (query: (text: string) => Promise<string | undefined>) => Promise<T>,
  ): Promise<T> {
    const context = engine.createRequest();
    const handle = new SessionHandle({ store, timeoutMs: 1_000, ttlMs: 60_000, resolveKey: () => key });
    context.attach(handle);
    const scope: Scope = { request: context, intent: intentOf('default', {}, engine.options, true) };
    return engine.contexts.run(scope, async () => {
      const client = new ToyClient(engine.cluster.router, false);
      try {
        return await fn((text) => client.query(text));
      } finally {
        client.release();
        await context.settle();
        context.end();
      }
    });
  }

  const lastRoute = (): string => `${told.at(-1)?.node} (${told.at(-1)?.reason})`;

  it('reads from a replica', async () => {
    await request('ann', (query) => query('get a'));
    expect(lastRoute()).toMatch(/^r[12] \(session-free\)$/);
    expect(database.server('primary').asked).toEqual([]);
  });

  it('reads what its session has written from the primary until a replica has it, then from that', async () => {
    await request('ann', (query) => query('set a 1'));
    expect(await request('ann', (query) => query('get a'))).toBe('1');
    expect(lastRoute()).toBe('primary (session-ahead)');
    expect(await request('bob', (query) => query('get a'))).toBeUndefined();
    for (const name of ['r1', 'r2']) database.server(name).catchUp();
    await until(() => engine.cluster.monitor.topology.replicas.every(({ position }) => position === 1n));
    expect(await request('ann', (query) => query('get a'))).toBe('1');
    expect(lastRoute()).toMatch(/^r[12] \(session-replayed\)$/);
  });

  it('keeps a transaction together on the primary', async () => {
    await request('ann', async (query) => {
      await query('begin');
      await query('set a 2');
      expect(await query('get a')).toBe('2');
      expect(lastRoute()).toBe('primary (transaction)');
      await query('commit');
      expect(await query('get a')).toBe('2');
      expect(lastRoute()).toBe('primary (own-write)');
    });
  });

  it('reads elsewhere when a replica is gone, and tells of both tries', async () => {
    await request('ann', (query) => query('get a'));
    const [first] = told;
    database.server(first?.node ?? '').kill();
    told.length = 0;
    await request('ann', (query) => query('get a'));
    expect(told.map(({ node, isFinal, errorCode }) => [node === first?.node, isFinal, errorCode])).toEqual([
      [true, false, expect.any(String)],
      [false, true, undefined],
    ]);
  });

  it('runs on the primary what a replica refuses as a write, and remembers it', async () => {
    const refused: unknown[] = [];
    engine.events.on('statement:refused', (event) => void refused.push(event));
    for (let times = 0; times < 2; times++) await request('ann', (query) => query('call set a 3'));
    expect(refused).toHaveLength(1);
    expect(told.map(({ reason }) => reason).slice(-2)).toEqual(['refused-by-replica', 'write']);
    expect(database.server('primary').read('a')).toBe('3');
  });

  it('runs on the primary what a replica refuses on a pinned connection, and pins nothing afterwards', async () => {
    await request('ann', async (query) => {
      await query('copy set a 3');
      expect(lastRoute()).toBe('primary (refused-by-replica)');
      expect(told.map(({ isFinal }) => isFinal)).toEqual([false, true]);
      // Its own write binds it.
      expect(await query('get a')).toBe('3');
      expect(lastRoute()).toBe('primary (own-write)');
    });
    expect(database.server('primary').read('a')).toBe('3');
    await request('bob', (query) => query('get b'));
    expect(lastRoute()).toMatch(/^r[12] \(session-free\)$/);
  });

  it('fails at once what needs a primary that is away, and goes on reading', async () => {
    database.server('primary').kill();
    await expect(request('ann', (query) => query('set a 4'))).rejects.toMatchObject({
      code: 'REPLICA_PRIMARY_UNAVAILABLE',
    });
    await request('bob', (query) => query('get a'));
    expect(lastRoute()).toMatch(/^r[12] /);
  });

  it('runs the statements of one client in their order', async () => {
    const answers = await request('ann', (query) =>
      Promise.all([query('set a 1'), query('get a'), query('set a 2'), query('get a')]),
    );
    expect(answers).toEqual([undefined, '1', undefined, '2']);
  });

  it('says once that the database cannot share connections', () => {
    expect(warnings).toEqual(['each read has a connection to itself (no lanes): a toy has no lanes']);
  });
});
