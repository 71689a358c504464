import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startMariadbCluster, type DatabaseCluster, type DatabaseNode } from 'nestjs-replica/testing';
import { until } from '../support/until.js';
import { APP_USER, MariadbEngine, prepare } from './support/mariadb-engine.js';

const SELECT = 'SELECT name, n FROM item WHERE name = ?';
const INSERT = 'INSERT INTO item (name) VALUES (?)';

describe('a change of the primary of MariaDB', () => {
  let cluster: DatabaseCluster;
  let app: MariadbEngine;
  let heir: DatabaseNode;
  let other: DatabaseNode;

  beforeEach(async () => {
    cluster = await startMariadbCluster();
    [heir, other] = cluster.replicas as [DatabaseNode, DatabaseNode];
    await prepare(cluster);
    app = await MariadbEngine.start(cluster, { primaryWaitMs: 10_000 });
    await app.request('ann', (query) => query(INSERT, ['before']));
    await cluster.waitForCatchUp();
  });

  afterEach(async () => {
    await app.stop();
    await cluster.stop();
  });

  const write = (name: string): Promise<unknown> => app.request('ann', (query) => query(INSERT, [name]));
  const read = (name: string): Promise<readonly unknown[]> =>
    app.request('ann', (query) => query(SELECT, [name]));

  it('is followed when a replica is promoted because the primary is gone', async () => {
    await cluster.primary.kill();
    const written = write('waited');
    await heir.promote();
    await written;
    expect(app.topology.primary).toMatchObject({ name: heir.name, health: 'up' });
    expect(await read('waited')).toHaveLength(1);
    await other.follow(heir);
    await until(() =>
      app.topology.replicas.some(({ name, health }) => name === other.name && health === 'up'),
    );
    expect(await read('waited')).toHaveLength(1);
  });

  it('lets a replica serve before the new primary has written if the user may ask whom the replica follows', async () => {
    await cluster.primary.query(`GRANT REPLICA MONITOR ON *.* TO ${APP_USER.username}@'%'`);
    await cluster.waitForCatchUp();
    await app.stop();
    app = await MariadbEngine.start(cluster);
    expect(app.topology.replicas.map(({ receiver }) => receiver)).toEqual([
      'receives: Yes, replays: Yes',
      'receives: Yes, replays: Yes',
    ]);
    await cluster.primary.stop();
    await heir.promote();
    await other.follow(heir);
    await until(() => app.topology.primary.name === heir.name, 'that the new primary is found');
    await until(() =>
      app.topology.replicas.some(({ name, health }) => name === other.name && health === 'up'),
    );
  });

  it('is followed when the primary hangs', async () => {
    await cluster.primary.hang();
    await heir.promote();
    await until(() => app.topology.primary.name === heir.name, 'that the new primary is found');
    await write('after');
    await cluster.primary.resume();
    await until(() => app.lines.some((line) => line.includes('fenced')), 'that the former primary is fenced');
    expect(app.topology.primary.name).toBe(heir.name);
  });

  it('loses no write, and repeats none, when the roles are exchanged', async () => {
    const written: string[] = [];
    const over = new AbortController();
    const writer = async (): Promise<void> => {
      for (let n = 0; !over.signal.aborted; n++) {
        await write(`n${n}`);
        written.push(`n${n}`);
      }
    };
    const writing = writer();
    await until(() => written.length > 5);
    await cluster.primary.query('SET GLOBAL read_only = 1');
    await cluster.waitForCatchUp();
    await heir.promote();
    await other.follow(heir);
    await cluster.primary.follow(heir);
    const atExchange = written.length;
    await until(() => written.length > atExchange + 5);
    over.abort();
    await writing;
    const rows = await heir.query<{ name: string }>("SELECT name FROM item WHERE name LIKE 'n%' ORDER BY id");
    expect(rows.map(({ name }) => name)).toEqual(written);
    await until(() => app.nodesUp === 3, 'that all nodes serve');
    expect(app.lines.filter((line) => line.includes('fenced'))).toEqual([]);
  });

  it('tells whoever has a transaction open that it is lost', async () => {
    const lost = app.request('ann', async (query) => {
      await query('START TRANSACTION');
      await query(INSERT, ['in transaction']);
      await cluster.primary.query('SET GLOBAL read_only = 1');
      await query('COMMIT');
    });
    await expect(lost).rejects.toMatchObject({ code: 'REPLICA_TRANSACTION_LOST' });
    await heir.promote();
    expect(await read('in transaction')).toEqual([]);
  });

  it('does not happen because somebody lets a replica accept writes', async () => {
    await heir.query('SET GLOBAL read_only = 0');
    await until(() => app.nodesUp === 2, 'that the replica is out');
    await write('goes on');
    expect(app.topology.primary.name).toBe('primary');
    await heir.query('SET GLOBAL read_only = 1');
    await until(() => app.nodesUp === 3, 'that all nodes serve');
  });

  it('takes a replica out on which somebody has written', async () => {
    await heir.query(
      `SET GLOBAL read_only = 0; INSERT INTO item (name) VALUES ('errant'); SET GLOBAL read_only = 1`,
    );
    await write('beside');
    await until(() => app.lines.some((line) => line.includes('somebody has written on it')));
    expect(await read('errant')).toEqual([]);
  });
});
