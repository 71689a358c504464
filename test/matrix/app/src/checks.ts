// The checks of one row of the matrix, by Node's own test runner: `node --test dist/checks.js`.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { ReplicaDataSource, type DataSourceRouter } from 'nestjs-replica';
import type { PostgresNode } from 'nestjs-replica/testing';
import { DataSource } from 'typeorm';
import { optionsOn, start } from './app.js';
import { Client, until } from './client.js';
import { Item, Shelf } from './entities.js';

type Started = Awaited<ReturnType<typeof start>>;

let started: Started;
let anyone: Client;
let alice: Client;
let source: ReplicaDataSource;
let router: DataSourceRouter;

const allServe = (): Promise<unknown> =>
  until(
    () => router.topology().replicas,
    (replicas) => replicas.every(({ health, lagMs }) => health === 'up' && lagMs === 0),
  );
const countOn = async (node: PostgresNode): Promise<number> =>
  Number((await node.query<{ count: string }>('SELECT count(*) FROM item'))[0]?.count);

before(async () => {
  started = await start();
  anyone = new Client(started.baseUrl);
  alice = new Client(started.baseUrl, 'alice');
  source = await new ReplicaDataSource(optionsOn(started.cluster)).initialize();
  router = source.router;
  await started.cluster.waitForCatchUp();
  await allServe();
});

after(async () => {
  if (source?.isInitialized) await source.destroy();
  await started?.app.close();
  await started?.cluster.stop();
});

/** Does the work while no replica replays. */
async function whilePaused(work: () => Promise<void>): Promise<void> {
  const { replicas } = started.cluster;
  await Promise.all(replicas.map((node) => node.pauseReplay()));
  try {
    await work();
  } finally {
    await Promise.all(replicas.map((node) => node.resumeReplay()));
    await started.cluster.waitForCatchUp();
  }
}

describe('requests', () => {
  it('see what their session has just written, again and again', async () => {
    for (let round = 1; round <= 10; round++) {
      const written = await alice.post('/items', { name: `round ${round}` });
      assert.equal(written.status, 201);
      assert.equal(written.node, 'primary');
      const seen = await alice.get(`/items/${written.body.id}`);
      assert.equal(seen.body.name, `round ${round}`);
    }
  });

  it('see it while no replica has it, and come back to a replica', async () => {
    let path = '';
    await whilePaused(async () => {
      const written = await alice.post('/items', { name: 'late' });
      path = `/items/${written.body.id}`;
      const seen = await alice.get(path);
      assert.deepEqual([seen.node, seen.body.name], ['primary', 'late']);
    });
    assert.equal((await alice.getFromReplica(path)).body.name, 'late');
  });

  it('of nobody read from all replicas', async () => {
    const nodes = new Set<string | null>();
    await until(
      async () => nodes.add((await anyone.get('/items')).node),
      () => nodes.has('replica-1') && nodes.has('replica-2'),
    );
    assert.ok(!nodes.has('primary'));
  });

  it('read from the primary where the handler says @ForcePrimary()', async () => {
    assert.equal((await anyone.get('/items/forced')).node, 'primary');
  });

  it('read from a replica in a POST where the handler says @UseReplica()', async () => {
    assert.match(String((await anyone.post('/items/search', { name: 'late' })).node), /^replica-[12]$/);
  });

  it('lock and read on the primary inside a transaction', async () => {
    const { status, node, body } = await alice.post('/items/in-transaction', { name: 'kept' });
    assert.deepEqual([status, node, body.locked], [201, 'primary', 'kept']);
    assert.equal((await alice.get(`/items/${body.id}`)).status, 200);
  });

  it('leave nothing behind when a transaction is rolled back', async () => {
    const before = await countOn(started.cluster.primary);
    assert.equal((await alice.post('/items/in-transaction', { name: 'undone' })).status, 404);
    assert.equal(await countOn(started.cluster.primary), before);
  });

  it('hand what they wrote to a job by a token, and decorate providers', async () => {
    const { status, body } = await anyone.post('/items/job', { name: 'by a job' });
    assert.deepEqual([status, body.count], [201, 1]);
    assert.equal(typeof body.any, 'number');
  });

  it('answer when every replica shows the write where the handler says @SyncWrite()', async () => {
    assert.equal((await anyone.post('/items/visible', { name: 'visible' })).status, 201);
    const counts = await Promise.all(started.cluster.nodes.map(countOn));
    assert.equal(new Set(counts).size, 1);
  });
});

describe('a data source', () => {
  it('gives values of each type as TypeORM alone does', async () => {
    const items = source.getRepository(Item);
    await items.insert({
      name: 'käse "1" 🧀',
      price: '12.50',
      units: '9007199254740993',
      details: { deep: [1, { text: "it's" }] },
      tags: ['a,b', '{}', ''],
      soldAt: new Date('2026-02-28T23:59:59.123Z'),
      picture: Buffer.from([0, 255, 10]),
    });
    await started.cluster.waitForCatchUp();
    const plain = await new DataSource({
      type: 'postgres',
      url: started.cluster.primary.url,
      entities: [Item, Shelf],
    }).initialize();
    const find = { where: { name: 'käse "1" 🧀' } };
    const expected = await plain.getRepository(Item).findOneOrFail(find);
    await plain.destroy();
    // Often enough to be prepared on a lane.
    for (let round = 0; round < 8; round++) {
      const found = await router.runOnReplica({}, () => items.findOneOrFail(find));
      assert.deepEqual({ ...found }, { ...expected });
    }
  });

  it('gives each of many reads at once its own answer', async () => {
    const items = source.getRepository(Item);
    const all = await items.find({ order: { id: 'ASC' } });
    const asked = Array.from({ length: 200 }, (_, n) => all[n % all.length] as Item);
    const found = await router.runOnReplica({}, () =>
      Promise.all(asked.map(({ id }) => items.findOneByOrFail({ id }))),
    );
    assert.deepEqual(
      found.map(({ name }) => name),
      asked.map(({ name }) => name),
    );
  });

  it('joins, and pages through what it has joined', async () => {
    const shelf = await source.getRepository(Shelf).save({ label: 'top' });
    await source.getRepository(Item).insert([
      { name: 'x', shelf },
      { name: 'y', shelf },
      { name: 'z', shelf },
    ]);
    await started.cluster.waitForCatchUp();
    const [page, count] = await router.runOnReplica({}, () =>
      source
        .getRepository(Item)
        .createQueryBuilder('item')
        .innerJoinAndSelect('item.shelf', 'shelf')
        .orderBy('item.name', 'DESC')
        .skip(1)
        .take(1)
        .getManyAndCount(),
    );
    assert.deepEqual([page.map(({ name }) => name), count], [['y'], 3]);
  });

  it('streams rows', async () => {
    const stream = await router.runOnReplica({}, () => source.createQueryBuilder(Item, 'item').stream());
    let rows = 0;
    for await (const _ of stream) rows++;
    assert.equal(rows, await countOn(started.cluster.primary));
  });

  it('reads one snapshot in readOnlyTransaction(), which cannot write', async () => {
    const [row] = await router.readOnlyTransaction({}, (manager) =>
      manager.query(
        `SELECT pg_is_in_recovery() AS standby, current_setting('transaction_isolation') AS isolation`,
      ),
    );
    assert.deepEqual({ ...row }, { standby: true, isolation: 'repeatable read' });
    await assert.rejects(
      router.readOnlyTransaction({}, (manager) => manager.query(`INSERT INTO item (name) VALUES ('no')`)),
      { code: '25006' },
    );
  });

  it('sends a write that looks like a read to the primary', async () => {
    const rows = await router.runOnReplica({}, () =>
      source.query(
        `WITH added AS (INSERT INTO item (name) VALUES ('by a CTE') RETURNING name) SELECT * FROM added`,
      ),
    );
    assert.equal(rows[0].name, 'by a CTE');
    await assert.rejects(
      router.runOnReplica({ preventWrites: true }, () => source.query('DELETE FROM item')),
      { code: 'REPLICA_WRITE_PREVENTED' },
    );
  });

  it('passes errors of the database on as they are', async () => {
    await assert.rejects(source.getRepository(Item).insert({ name: 'x' }), { code: '23505' });
    await assert.rejects(
      router.runOnReplica({}, () => source.query('SELECT 1 / 0 AS nothing')),
      { code: '22012' },
    );
  });

  it('tells what it knows and does', async () => {
    const { primary, replicas } = router.topology();
    assert.deepEqual(
      [primary.name, replicas.map(({ name }) => name)],
      ['primary', ['replica-1', 'replica-2']],
    );
    const kinds: string[] = [];
    const stop = router.on('statement', ({ kind }) => void kinds.push(kind));
    await source.query('SELECT 1 AS one');
    stop();
    assert.deepEqual(kinds, ['read']);
    assert.equal(await router.waitUntilVisible({ timeoutMs: 60_000 }), true);
  });

  it('refuses wrong options with one error for all mistakes', () => {
    const wrong = { ...optionsOn(started.cluster), maxLagMs: -1, replicaz: [] };
    assert.throws(
      () => new ReplicaDataSource(wrong as never),
      (error: Error) => {
        assert.match(error.message, /maxLagMs/);
        assert.match(error.message, /replicaz/);
        return true;
      },
    );
  });
});

describe('faults', () => {
  it('of a replica let no read fail, and the replica comes back', async () => {
    const [first] = started.cluster.replicas as [PostgresNode, PostgresNode];
    await first.kill();
    for (let round = 0; round < 20; round++) assert.equal((await anyone.get('/items')).status, 200);
    await first.start();
    await allServe();
    await until(
      () => anyone.get('/items'),
      ({ node }) => node === 'replica-1',
    );
  });

  it('of the primary leave reads alone, and writes go on when it is back', async () => {
    const { primary } = started.cluster;
    await primary.stop();
    await until(
      () => anyone.get('/items'),
      ({ status, node }) => status === 200 && node !== 'primary',
    );
    await primary.start();
    await until(
      () => alice.post('/items', { name: `after ${Date.now()}` }),
      ({ status }) => status === 201,
    );
  });

  it('or not: when it is closed, no connection is left', async () => {
    await source.destroy();
    await started.app.close();
    await until(
      () =>
        started.cluster.primary.query<{ count: string }>(
          `SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`,
        ),
      ([row]) => Number(row?.count) === 0,
    );
  });
});
