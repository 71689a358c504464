import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';
import { MariadbCluster, MariadbNode, startMariadbCluster, startTcpProxy } from 'nestjs-replica/testing';
import { ClusterOwner, runClusterOwner } from './support/cluster-owner.js';
import { compileTesting } from './support/compile-testing.js';
import { findTraces } from './support/traces.js';

let cluster: MariadbCluster;
let primary: MariadbNode;
let first: MariadbNode;
let second: MariadbNode;

async function start(options: Parameters<typeof startMariadbCluster>[0] = {}): Promise<void> {
  cluster = await startMariadbCluster(options);
  primary = cluster.primary;
  [first, second] = [cluster.replicas[0]!, cluster.replicas[1]!];
  await primary.query('CREATE TABLE item (id int PRIMARY KEY)');
  await cluster.waitForCatchUp();
}

async function itemsOn(node: MariadbNode): Promise<number[]> {
  return (await node.query<{ id: number }>('SELECT id FROM item ORDER BY id')).map(({ id }) => id);
}

async function write(node: MariadbNode, id: number): Promise<void> {
  await node.query('INSERT INTO item VALUES (?)', [id]);
}

describe('a cluster of MariaDB', () => {
  const lines: string[] = [];

  beforeAll(() =>
    start({ settings: { general_log: true, sort_buffer_size: '3M' }, log: (line) => lines.push(line) }),
  );
  afterAll(() => cluster.stop());
  beforeEach(async () => {
    await primary.query('TRUNCATE item');
    await cluster.waitForCatchUp();
  });

  it('has a primary, and replicas that follow it by GTID', async () => {
    expect(cluster.backend).toBe('embedded');
    expect(cluster.nodes.map(({ name, role, state }) => [name, role, state])).toEqual([
      ['primary', 'primary', 'running'],
      ['replica-1', 'replica', 'running'],
      ['replica-2', 'replica', 'running'],
    ]);
    for (const replica of cluster.replicas) {
      expect(await replica.query('SHOW SLAVE STATUS')).toMatchObject([
        {
          Master_Port: primary.port,
          Using_Gtid: 'Slave_Pos',
          Slave_IO_Running: 'Yes',
          Slave_SQL_Running: 'Yes',
        },
      ]);
    }
  });

  it('has the settings and another server_id on every node', async () => {
    const sql = 'SELECT @@server_id AS id, @@sort_buffer_size AS buffer, @@read_only AS isReadOnly';
    expect((await Promise.all(cluster.nodes.map((node) => node.query(sql)))).flat()).toEqual([
      { id: 1, buffer: 3 * 1024 ** 2, isReadOnly: 0 },
      { id: 2, buffer: 3 * 1024 ** 2, isReadOnly: 1 },
      { id: 3, buffer: 3 * 1024 ** 2, isReadOnly: 1 },
    ]);
  });

  it('shows on the replicas what was written on the primary, once they have caught up', async () => {
    for (let id = 1; id <= 20; id++) {
      await write(primary, id);
      await cluster.waitForCatchUp();
      for (const replica of cluster.replicas) expect((await itemsOn(replica)).at(-1)).toBe(id);
    }
  });

  it('gives the rows of one statement, and of several those of the last', async () => {
    expect(await primary.query('INSERT INTO item VALUES (1), (2)')).toEqual([]);
    expect(await primary.query('SELECT 1 AS a; SELECT 2 AS b')).toEqual([{ b: 2 }]);
    expect(await primary.query('SELECT 1 AS a; TRUNCATE item')).toEqual([]);
    expect(await primary.query(`SELECT ? AS text, 18446744073709551615 AS big`, [`it's`])).toEqual([
      { text: `it's`, big: '18446744073709551615' },
    ]);
  });

  it('is reached by its URL, as a user whom replicas do not let write', async () => {
    expect(first.url).toBe(`mariadb://app:${first.password}@127.0.0.1:${first.port}/test`);
    const connection = await createConnection(first.url);
    await expect(connection.query('INSERT INTO item VALUES (1)')).rejects.toMatchObject({ errno: 1290 });
    await connection.end();
    await expect(createConnection(first.url.replace(first.password, 'guess'))).rejects.toMatchObject({
      errno: 1045,
    });
  });

  it('is reached through the proxy, which breaks connections', async () => {
    await using proxy = await startTcpProxy(primary);
    const connection = await createConnection(proxy.url);
    connection.on('error', () => {});
    expect((await connection.query('SELECT 1 AS one'))[0]).toEqual([{ one: 1 }]);
    const answer = connection.query('SELECT SLEEP(30)').catch(({ code }: { code: string }) => code);
    proxy.reset();
    expect(await answer).toBe('ECONNRESET');
    connection.destroy();
  });

  it('has a transcript of the statements of each node', async () => {
    await second.query(`SELECT 'only here'`);
    expect(await second.readLog()).toContain(`SELECT 'only here'`);
    expect(await first.readLog()).not.toContain(`SELECT 'only here'`);
  });

  it('tells its steps, without the password', () => {
    expect(lines.at(0)).toMatch(
      /^cluster: primary on port \d+, replica-1 on port \d+, replica-2 on port \d+, up in \d+ ms/,
    );
    expect(lines.join('\n')).not.toContain(primary.password);
  });

  it.each(['stop', 'kill'] as const)('starts a node on the same port after %s()', async (end) => {
    for (const node of [first, primary]) {
      const { port } = node;
      const connection = await createConnection(node.url);
      connection.on('error', () => {});
      const broken = connection.query('SELECT SLEEP(30)').catch(({ fatal }: { fatal: boolean }) => fatal);
      await node[end]();
      expect(await broken).toBe(true);
      expect(node.state).toBe('stopped');
      await expect(node.query('SELECT 1')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      await node.start();
      expect([node.state, node.port]).toEqual(['running', port]);
    }
    await write(primary, 1);
    await cluster.waitForCatchUp();
    expect(await Promise.all(cluster.replicas.map(itemsOn))).toEqual([[1], [1]]);
  });

  it('has nodes that hang, keep their connections open, and go on when they are resumed', async () => {
    for (const node of [first, primary]) {
      const connection = await createConnection(node.url);
      await node.hang();
      expect(node.state).toBe('hung');
      const answer = connection.query('SELECT 1 AS one').then(([rows]) => rows);
      expect(await Promise.race([answer, delay(300, 'nothing')])).toBe('nothing');
      await node.resume();
      expect(await answer).toEqual([{ one: 1 }]);
      await connection.end();
    }
  });

  it('has replicas whose replay can be paused, through a restart of the primary', async () => {
    await first.pauseReplay();
    await write(primary, 1);
    await cluster.waitForCatchUp();
    expect(await Promise.all(cluster.replicas.map(itemsOn))).toEqual([[], [1]]);
    await expect(first.follow(second)).rejects.toThrow('its replay is paused');
    await primary.stop();
    await primary.start();
    await first.resumeReplay();
    await cluster.waitForCatchUp();
    expect(await itemsOn(first)).toEqual([1]);
  });

  it('says how far a replica came that does not catch up in time, or why it cannot', async () => {
    const connection = await createConnection(first.url);
    await connection.query('LOCK TABLES item READ');
    await write(primary, 1);
    await expect(cluster.waitForCatchUp({ timeoutMs: 50 })).rejects.toThrow(
      /^replica-1 did not catch up: it has replayed 0-1-\d+ of 0-1-\d+ after 50 ms/,
    );
    await connection.end();
    await cluster.waitForCatchUp();
    await first.query('SET sql_log_bin = 0; INSERT INTO item VALUES (2)');
    await write(primary, 2);
    await expect(cluster.waitForCatchUp()).rejects.toThrow(
      /replica-1 did not catch up: .*Duplicate entry '2'/,
    );
    await first.query('SET sql_log_bin = 0; DELETE FROM item WHERE id = 2; START SLAVE');
    await cluster.waitForCatchUp();
  });
});

describe('a failover of MariaDB', () => {
  beforeEach(() => start());
  afterEach(() => cluster.stop());

  it('keeps what the promoted replica had received, though its replay was paused', async () => {
    await first.pauseReplay();
    await write(primary, 1);
    await cluster.waitForCatchUp();
    await primary.kill();
    await first.promote();
    expect(await itemsOn(first)).toEqual([1]);
    await write(first, 2);
    await second.follow(first);
    await cluster.waitForCatchUp();
    expect(await itemsOn(second)).toEqual([1, 2]);
  });

  it('makes the old primary a new copy, if it has what the new one never had', async () => {
    await primary.kill();
    await first.promote();
    await write(first, 1);
    await second.follow(first);
    await primary.start();
    await write(primary, 100);
    await primary.follow(first);
    await cluster.waitForCatchUp();
    expect(await Promise.all(cluster.nodes.map(itemsOn))).toEqual([[1], [1], [1]]);
    const state = 'SELECT @@server_id > 3 AS isNew, @@read_only AS isReadOnly';
    expect(await primary.query(state)).toEqual([{ isNew: 1, isReadOnly: 1 }]);
    await first.stop();
    await first.start();
    await write(first, 2);
    await cluster.waitForCatchUp();
    expect(await itemsOn(primary)).toEqual([1, 2]);
  });

  it('leaves the connections of the old primary open, if it can go on from where it is', async () => {
    const connection = await createConnection(primary.url);
    await write(primary, 1);
    await cluster.waitForCatchUp();
    await primary.query('SET GLOBAL read_only = 1');
    await first.promote();
    await primary.follow(first);
    await second.follow(primary);
    await write(first, 2);
    await cluster.waitForCatchUp();
    expect(await Promise.all(cluster.nodes.map(itemsOn))).toEqual([
      [1, 2],
      [1, 2],
      [1, 2],
    ]);
    await expect(connection.query('INSERT INTO item VALUES (3)')).rejects.toMatchObject({ errno: 1290 });
    await connection.end();
    await expect(first.follow(first)).rejects.toThrow('it must be another node of the same cluster');
    await expect(first.promote()).rejects.toThrow('it is a primary');
  });
});

describe('startMariadbCluster()', () => {
  it('says why a node does not start, with the end of its log', async () => {
    await expect(startMariadbCluster({ settings: { binlog_format: 'NONE' } })).rejects.toMatchObject({
      name: 'NodeStartError',
      node: 'primary',
      message: expect.stringContaining('binlog'),
    });
  });

  it('refuses options that it does not know', async () => {
    await expect(Reflect.apply(startMariadbCluster, undefined, [{ standbys: 2 }])).rejects.toThrow(
      /^startMariadbCluster\(\) got options that it cannot use:\n {2}standbys: expected one of replicas/,
    );
  });
});

describe('where only a server is installed', () => {
  let entry: string;

  beforeAll(() => {
    entry = compileTesting('esm', mkdtempSync(path.join(tmpdir(), 'bare-project-')));
  });
  afterAll(() => rmSync(path.dirname(path.dirname(entry)), { recursive: true }));

  it('says that mysql2 is missing, and does not need pg for that', async () => {
    const script = `console.log(await testing.startMariadbCluster().catch(({ code, reasons }) => code + ': ' + reasons))`;
    const owner = runClusterOwner({ entry, script, temporaryFolder: path.dirname(entry) });
    expect(await owner.firstLine).toBe(
      'REPLICA_TEST_CLUSTER_BACKEND_UNAVAILABLE: mysql2 is not installed: npm i -D mysql2',
    );
    await owner.ended;
  });
});

describe('of a cluster of MariaDB', () => {
  const START = `const cluster = await testing.startMariadbCluster({ backend: 'embedded', replicas: 1 });`;
  const READY = `console.log('ready'); setInterval(() => {}, 1000);`;
  let entries: Record<'esm' | 'cjs', string>;
  let temporaryFolder: string;
  let owner: ClusterOwner;

  beforeAll(() => {
    entries = { esm: compileTesting('esm'), cjs: compileTesting('cjs') };
  });
  afterAll(() => {
    for (const entry of Object.values(entries)) rmSync(path.dirname(entry), { recursive: true });
  });
  beforeEach(() => {
    temporaryFolder = mkdtempSync(path.join(tmpdir(), 'cluster-traces-'));
    chmodSync(temporaryFolder, 0o777);
  });
  afterEach(async () => {
    owner.process.kill('SIGKILL');
    await owner.ended;
    await expectNothingLeft();
    rmSync(temporaryFolder, { recursive: true });
  });

  async function expectNothingLeft(): Promise<void> {
    const isLeft = (): boolean => Object.values(findTraces(temporaryFolder)).flat().length > 0;
    for (const endMs = performance.now() + 15_000; isLeft() && performance.now() < endMs;) await delay(20);
    expect(findTraces(temporaryFolder)).toEqual({ folders: [], processes: [] });
  }

  function own(script: string, format: 'esm' | 'cjs' = 'esm'): ClusterOwner {
    owner = runClusterOwner({ entry: entries[format], script, temporaryFolder });
    return owner;
  }

  it.each(['esm', 'cjs'] as const)('nothing is left after stop(), of the %s build', async (format) => {
    own(
      `${START} await cluster.primary.hang(); await cluster.replicas[0].kill(); await cluster.stop(); console.log('x')`,
      format,
    );
    await owner.firstLine;
    expect(await owner.ended).toBe(0);
    expect(findTraces(temporaryFolder)).toEqual({ folders: [], processes: [] });
  });

  it('nothing is left when its process is killed while a node hangs', async () => {
    own(`${START} await cluster.primary.hang(); ${READY}`);
    await owner.firstLine;
    expect(findTraces(temporaryFolder).processes.join('\n')).toMatch(/mariadbd/);
    owner.process.kill('SIGKILL');
    await expectNothingLeft();
  });

  it.each([50, 250, 600])(
    'nothing is left when its process is killed %i ms after its start',
    async (afterMs) => {
      own(`console.log('starting'); ${START}${READY}`);
      await owner.firstLine;
      await delay(afterMs);
      owner.process.kill('SIGKILL');
      await expectNothingLeft();
    },
  );

  it('nothing is left when its process has nothing more to do', async () => {
    own(`${START} console.log('ready');`);
    expect(await owner.ended).toBe(0);
    await expectNothingLeft();
  });
});
