import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startMariadbCluster, type DatabaseCluster } from 'nestjs-replica/testing';
import { until } from '../support/until.js';
import { MariadbEngine, prepare } from './support/mariadb-engine.js';

const SELECT = 'SELECT name, n FROM item WHERE name = ?';

describe('the engine on MariaDB', () => {
  let cluster: DatabaseCluster;
  let app: MariadbEngine;

  beforeAll(async () => {
    cluster = await startMariadbCluster({
      settings: { general_log: true, log_bin_trust_function_creators: true },
    });
    await prepare(cluster);
    // Its declaration says that it only reads, which the server does not check.
    await cluster.primary.query(
      'CREATE FUNCTION touch(item_name VARCHAR(40)) RETURNS INT READS SQL DATA BEGIN UPDATE item SET n = n + 1 WHERE name = item_name; RETURN 1; END',
    );
    await cluster.waitForCatchUp();
  });

  afterAll(() => cluster.stop());

  beforeEach(async () => {
    app = await MariadbEngine.start(cluster);
  });

  afterEach(async () => {
    await app.stop();
    for (const node of cluster.replicas) await node.resumeReplay();
    await cluster.waitForCatchUp();
  });

  it('finds the roles and positions of all nodes', () => {
    const { primary, replicas } = app.topology;
    expect(primary).toMatchObject({ name: 'primary', position: expect.any(BigInt) });
    expect(replicas.map(({ position, lagMs }) => [position, lagMs])).toEqual([
      [primary.position, 0],
      [primary.position, 0],
    ]);
  });

  it('reads from replicas', async () => {
    await app.request('ann', (query) => query(SELECT, ['none']));
    expect(app.lastRoute).toMatch(/^replica-[12] \(session-free\)$/);
  });

  it.each([
    ['an INSERT', "INSERT INTO item (name) VALUES ('insert')", 'insert'],
    ['INSERT ... RETURNING', "INSERT INTO item (name) VALUES ('returning') RETURNING id", 'returning'],
    ['a call of a procedure', 'CALL write_item()', 'by procedure'],
  ])('shows a session what it wrote by %s from a replica as soon as that has it', async (_, text, name) => {
    await Promise.all(cluster.replicas.map((node) => node.pauseReplay()));
    await app.request('ann', (query) => query(text));
    expect(await app.request('ann', (query) => query(SELECT, [name]))).toHaveLength(1);
    expect(app.lastRoute).toBe('primary (session-ahead)');
    expect(await app.request('bob', (query) => query(SELECT, [name]))).toEqual([]);
    await Promise.all(cluster.replicas.map((node) => node.resumeReplay()));
    const { position } = app.topology.primary;
    await until(() => app.topology.replicas.every((node) => (node.position ?? 0n) >= (position ?? 0n)));
    expect(await app.request('ann', (query) => query(SELECT, [name]))).toHaveLength(1);
    expect(app.lastRoute).toMatch(/^replica-[12] \(session-replayed\)$/);
  });

  it('answers a read that waits for a replica as soon as the replica has what it waits for', async () => {
    await app.stop();
    // Probes come too seldom to explain it.
    app = await MariadbEngine.start(cluster, {
      onBehind: 'wait',
      catchUpTimeoutMs: 30_000,
      monitor: { intervalMs: 20_000, catchUpIntervalMs: 20_000, maxIntervalMs: 20_000 },
      session: { ttlMs: 60_000 },
    });
    await Promise.all(cluster.replicas.map((node) => node.pauseReplay()));
    await app.request('ann', (query) => query("INSERT INTO item (name) VALUES ('awaited')"));
    const reading = app.request('ann', (query) => query(SELECT, ['awaited']));
    await Promise.all(cluster.replicas.map((node) => node.resumeReplay()));
    const resumedMs = performance.now();
    expect(await reading).toHaveLength(1);
    expect(performance.now() - resumedMs).toBeLessThan(5_000);
    expect(app.lastRoute).toMatch(/^replica-[12] /);
  });

  it('keeps a transaction together on the primary, and shows what it wrote afterwards', async () => {
    await app.request('ann', async (query) => {
      await query('START TRANSACTION');
      await query("INSERT INTO item (name) VALUES ('transaction')");
      expect(await query(SELECT, ['transaction'])).toHaveLength(1);
      expect(app.lastRoute).toBe('primary (transaction)');
      await query('COMMIT');
    });
    expect(await app.request('ann', (query) => query(SELECT, ['transaction']))).toHaveLength(1);
  });

  it('runs on the primary what a replica refuses as a write, whatever the user may do', async () => {
    await app.request('ann', (query) => query("INSERT INTO item (name) VALUES ('touched')"));
    await cluster.waitForCatchUp();
    await app.request('bob', (query) => query('SELECT touch(?) AS touched', ['touched']));
    expect(app.told.slice(-2).map(({ node, reason }) => [node === 'primary', reason])).toEqual([
      [false, expect.any(String)],
      [true, 'refused-by-replica'],
    ]);
    expect(await app.request('bob', (query) => query(SELECT, ['touched']))).toMatchObject([{ n: 1 }]);
  });

  it('sends no statement besides a write to learn its position', async () => {
    await app.request('ann', (query) => query(SELECT, ['warm']));
    const before = (await cluster.primary.readLog()).length;
    for (let n = 0; n < 20; n++)
      await app.request(`s${n}`, (query) => query('INSERT INTO item (name) VALUES (?)', [`counted ${n}`]));
    const log = (await cluster.primary.readLog()).slice(before);
    const sent = log
      .split('\n')
      .filter((line) => /\bQuery\b/.test(line) && !/nestjs-replica: probe/.test(line));
    expect(sent.filter((line) => line.includes('counted'))).toHaveLength(20);
    expect(
      sent.filter((line) => !line.includes('counted') && !/SHOW|SET SESSION|identity/.test(line)),
    ).toEqual([]);
  });
});
