import { afterEach, describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import pg from 'pg';
import type { AuditReport } from '../../../libs/replica/src/cli/audit/audit-report.js';
import type { CheckReport } from '../../../libs/replica/src/cli/check/check-report.js';
import { heal, useCluster } from '../../support/cluster/use-cluster.js';
import { command } from '../../support/command-line.js';
import { until } from '../../support/until.js';

const cluster = useCluster({
  settings: { shared_preload_libraries: 'pg_stat_statements' },
  sql: `CREATE EXTENSION pg_stat_statements;
    CREATE TABLE orders (id serial PRIMARY KEY, placed timestamptz DEFAULT now(), note text);
    INSERT INTO orders (note) SELECT 'x' FROM generate_series(1, 100);
    CREATE VIEW recent AS SELECT * FROM orders WHERE id > 50;
    CREATE FUNCTION touch() RETURNS int LANGUAGE sql AS 'UPDATE orders SET note = note WHERE id = 1; SELECT 1';
    CREATE FUNCTION total() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM orders';
    CREATE ROLE app LOGIN PASSWORD 'hunter2p@ss:w/ord?'; GRANT SELECT ON orders TO app`,
});

/** The environment of an application that knows all nodes. */
const env = () => ({
  DATABASE_URL: cluster.primary.url,
  DATABASE_READ_REPLICA_URL: cluster.replicas.map(({ url }) => url).join(','),
});

const check = async (...args: string[]): Promise<CheckReport> =>
  JSON.parse((await command(['check', '--json', ...args], { env: env() })).out) as CheckReport;

const audit = async (...args: string[]): Promise<AuditReport> =>
  JSON.parse((await command(['audit', '--json', ...args], { env: env() })).out) as AuditReport;

const nameOf = (index: number): string => `127.0.0.1-${cluster.replicas[index]?.port}`;

/** The URL of a node for the user with few rights. */
const asApp = (url: string, password = 'hunter2p@ss:w/ord?'): string =>
  url.replace(/\/\/.*@/, `//app:${encodeURIComponent(password)}@`);

afterEach(() => heal(cluster));

describe('check', () => {
  it('finds a healthy cluster well', async () => {
    const report = await check();
    expect(report).toMatchObject({
      status: 'ok',
      exitCode: 0,
      summary: '2 of 2 replicas serve, the greatest lag is 0 ms',
      primary: { name: 'primary', role: 'primary', health: 'up', timeline: 1, lagMs: null, serves: true },
    });
    expect(report.replicas).toMatchObject(
      [0, 1].map((index) => ({
        name: nameOf(index),
        health: 'up',
        receiver: 'streaming',
        syncState: 'async',
        timeline: 1,
        lagMs: 0,
        lagIs: 'measured',
        lagBytes: 0,
        lagTransactions: null,
        connections: { needed: 11, max: 97 },
        settings: { hot_standby_feedback: 'off' },
      })),
    );
    expect(report.findings.map(({ level, node }) => [level, node])).toEqual([
      ['hint', nameOf(0)],
      ['hint', nameOf(1)],
    ]);
  });

  it('tells how far a replica is behind, in time and in bytes', async () => {
    await cluster.replicas[0]?.pauseReplay();
    await cluster.primary.query("INSERT INTO orders (note) SELECT 'late' FROM generate_series(1, 1000)");
    const warned = await check('--warn-lag', '100ms', '--crit-lag', '1h');
    expect(warned).toMatchObject({ status: 'warning', exitCode: 1 });
    const [late, fresh] = warned.replicas;
    expect(late).toMatchObject({ lagIs: 'estimated', serves: true });
    expect(late?.lagMs).toBeGreaterThanOrEqual(100);
    expect(late?.lagBytes).toBeGreaterThan(10_000);
    expect(fresh).toMatchObject({ lagMs: 0, lagBytes: 0 });
    expect(warned.findings.map(({ message }) => message)).toContain('somebody has paused its replay');

    const { exitCode, out } = await command(
      ['check', '--warn-lag', '10ms', '--crit-lag', '50ms', '--min-replicas', '2', '--format', 'nagios'],
      { env: env() },
    );
    expect(exitCode).toBe(2);
    const [first = ''] = out.split('\n');
    expect(first).toMatch(/^REPLICATION CRITICAL - 1 of 2 replicas serve, the greatest lag is /);
    expect(first).toMatch(
      new RegExp(`'lag_${nameOf(0)}'=[\\d.]+s;0.01;0.05;0 'bytes_${nameOf(0)}'=\\d+B;;;0`),
    );
    expect(first).toMatch(/'replicas'=1;;2:;0$/);
    expect(out).toContain('critical: 1 of 2 replicas serve, and there have to be 2 (--min-replicas)');
  });

  it('tells for which transaction the replay of a replica waits', async () => {
    const reader = new pg.Client({ connectionString: cluster.replicas[0]?.url ?? '' });
    await reader.connect();
    try {
      const { rows } = await reader.query('SELECT pg_backend_pid() AS pid');
      await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM orders');
      await cluster.primary.query('UPDATE orders SET note = note');
      await cluster.primary.query('VACUUM orders');
      let first = '';
      await until(async () => {
        const { findings } = await check('--warn-lag', '100ms', '--crit-lag', '1h');
        return (first = findings[0]?.message ?? '').startsWith('its replay waits');
      }, 'the replay waits');
      expect(first).toMatch(/ has been open there for [\d.]+ m?s \(process \d+\)$/);
      expect(first).toContain(`process ${rows[0].pid})`);
    } finally {
      await reader.end();
    }
  });

  it('tells for whose locks others wait', async () => {
    const [holder, waiter] = [cluster.primary, cluster.primary].map(
      ({ url }) => new pg.Client({ connectionString: url }),
    ) as [pg.Client, pg.Client];
    await Promise.all([holder.connect(), waiter.connect()]);
    try {
      await holder.query('BEGIN; UPDATE orders SET note = note WHERE id = 1');
      const waiting = waiter.query('UPDATE orders SET note = note WHERE id = 1');
      let told: string[] = [];
      await until(async () => {
        const { findings } = await check();
        told = findings.filter(({ node }) => node === 'primary').map(({ message }) => message);
        return told.length > 0;
      }, 'the check tells of the locks');
      expect(told).toEqual([expect.stringMatching(/^1 connection waits for locks .*idle in transaction\)$/)]);
      await holder.query('ROLLBACK');
      await waiting;
    } finally {
      await Promise.all([holder.end(), waiter.end()]);
    }
  });

  it('is critical for a node that cannot be reached, and goes on with the others', async () => {
    await cluster.replicas[1]?.stop();
    const report = await check();
    expect(report).toMatchObject({
      exitCode: 2,
      summary: expect.stringContaining('1 of 2 replicas serve'),
      replicas: [
        { health: 'up', serves: true },
        { health: 'down', serves: false, problem: expect.stringContaining('ECONNREFUSED') },
      ],
    });
    expect(await check('--min-replicas', '1')).toMatchObject({ status: 'warning', exitCode: 1 });
    expect(await check('--min-replicas', '2')).toMatchObject({ status: 'critical', exitCode: 2 });
    const status = await command(['status'], { env: env() });
    expect(status.exitCode).toBe(2);
    expect(status.out).toMatch(/replica .* up, streaming .*\n.* down .*ECONNREFUSED/);
  });

  it('is critical without a primary', async () => {
    await cluster.primary.stop();
    const { exitCode, out } = await command(['check', '--format', 'nagios'], { env: env() });
    expect(exitCode).toBe(2);
    expect(out).toMatch(/^REPLICATION CRITICAL - 0 of 2 replicas serve; primary: connect ECONNREFUSED/);
    const { exitCode: code, err } = await command(['audit'], { env: env() });
    expect([code, err]).toEqual([
      2,
      expect.stringMatching(/^nestjs-replica: connect ECONNREFUSED [^\n]*\n$/),
    ]);
  });

  it('gives up on a node that hangs', async () => {
    await cluster.replicas[0]?.hang();
    const report = await check('--timeout', '300ms');
    expect(report.replicas).toMatchObject([{ health: 'down' }, { health: 'up' }]);
    expect(report.exitCode).toBe(2);
  });

  it('tells which rights the user lacks, and how to give them', async () => {
    const [replica] = cluster.replicas;
    const urls = ['--primary', asApp(cluster.primary.url), '--replica', asApp(replica?.url ?? '')];
    const report = await check(...urls);
    expect(report).toMatchObject({
      status: 'warning',
      exitCode: 1,
      replicas: [{ receiver: 'hidden', lagMs: 0 }],
    });
    expect(report.findings).toContainEqual({
      level: 'warning',
      node: 'primary',
      message: 'a right is missing: state and sync_state of the standbys are not visible',
      remedy: 'GRANT pg_monitor TO the user of this command',
    });
    await cluster.primary.query('GRANT pg_monitor TO app');
    await cluster.waitForCatchUp();
    expect(await check(...urls)).toMatchObject({ status: 'ok', replicas: [{ syncState: 'async' }] });
    await cluster.primary.query('REVOKE pg_monitor FROM app');
  });

  it('adds up the connections that the application may open', async () => {
    const report = await check('--instances', '9');
    expect(report.primary.connections).toMatchObject({ needed: 99, max: 97 });
    expect(report).toMatchObject({ status: 'warning' });
    expect(report.findings[0]?.message).toContain('may open 99 connections, and 97 are allowed');
  });

  it('says what to do about a wrong password, and never repeats it', async () => {
    const { exitCode, out } = await command([
      'check',
      '--primary',
      asApp(cluster.primary.url, 'hunter2 ß#%'),
    ]);
    expect(exitCode).toBe(2);
    expect(out).toContain('password authentication failed for user "app"');
    expect(out).not.toContain('hunter2');
  });

  it('notices a cluster whose roles are mixed up', async () => {
    const [replica] = cluster.replicas;
    const report = await check('--primary', replica?.url ?? '', '--replica', cluster.primary.url);
    expect(report).toMatchObject({ exitCode: 2, primary: { health: 'down' } });
    expect(report.findings[0]?.message).toContain('in recovery');
  });
});

describe('audit', () => {
  it('tells how much may leave the primary, and why not the rest', async () => {
    const { primary } = cluster;
    await primary.query('SELECT pg_stat_statements_reset()');
    for (let id = 1; id <= 6; id += 1) {
      await primary.query(`SELECT * FROM orders WHERE id = ${id}`);
      await primary.query(
        `SELECT count(*) FROM recent WHERE placed > now() - interval '${id} day' AND id IN (1, 2, ${id}) LIMIT ${id}`,
      );
    }
    await primary.query('SELECT total()');
    await primary.query('SELECT touch()');
    await primary.query('SELECT 1 FROM orders FOR UPDATE');
    await primary.query("CREATE ROLE other PASSWORD 'hunter2'; DROP ROLE other");
    const report = await audit('--top', '100');
    expect(report.mayLeave).toMatchObject({ texts: 3, calls: 13 });
    // The reset is a call, too.
    expect(report.all).toMatchObject({ texts: 8, calls: 18 });
    expect(report.since).toMatch(/^\d{4}-\d\d-\d\dT[\d:]+Z$/);
    const why = Object.fromEntries(report.top.map((one) => [one.text, `${one.reason}: ${one.why}`]));
    expect(why).toMatchObject({
      'SELECT touch()': 'unknown-statement: calls touch()',
      'SELECT ? FROM orders FOR UPDATE': 'locking-read: FOR UPDATE',
      'CREATE ROLE other PASSWORD ?': 'write: CREATE',
    });
    const text = await command(['audit'], { env: env() });
    expect(text.out).toMatch(/^72% of calls, (under )?\d+% of time may leave the primary\n\(18 calls, /);
    expect(text.out).not.toContain('hunter2');
  });

  it('leaves out what the user may not see, and says how to change that', async () => {
    const { out } = await command(['audit', '--primary', asApp(cluster.primary.url)]);
    expect(out).toMatch(/calls are left out.*GRANT pg_read_all_stats TO the user of this command/);
  });

  it('says what to do where nothing is counted', async () => {
    await cluster.primary.query('DROP EXTENSION pg_stat_statements');
    const { exitCode, err, out } = await command(['audit'], { env: env() });
    expect([exitCode, out]).toEqual([3, '']);
    expect(err).toMatch(
      /^nestjs-replica: pg_stat_statements is not installed in this database: add pg_stat_statements to shared_preload_libraries, [^\n]*\n$/,
    );
    await cluster.primary.query('CREATE EXTENSION pg_stat_statements');
  });
});

describe('explain, with the catalog', () => {
  it.each([
    ['SELECT touch()', { kind: 'unknown', mayLeavePrimary: false, why: 'calls touch()' }],
    ['SELECT total()', { kind: 'read', mayLeavePrimary: true, tables: null }],
    ['SELECT * FROM recent', { kind: 'read', tables: ['recent'], restsOn: ['public.orders'] }],
    ['SELECT * FROM nowhere', { kind: 'unknown', needsCatalog: true }],
  ])('tells of %s what the router would', async (sql, expected) => {
    const { out } = await command(['explain', '--json', sql, '--primary', cluster.primary.url]);
    expect(JSON.parse(out)).toMatchObject({ catalog: 'database', ...expected });
  });
});

describe('lag', () => {
  it('tells the distribution of each replica', async () => {
    await cluster.replicas[0]?.pauseReplay();
    await cluster.primary.query("INSERT INTO orders (note) VALUES ('late')");
    const { out, exitCode } = await command(['lag', '--for', '400ms', '--every', '20ms', '--json'], {
      env: env(),
    });
    const { replicas } = JSON.parse(out) as { replicas: Record<string, unknown>[] };
    expect(exitCode).toBe(0);
    expect(replicas).toMatchObject([
      { name: nameOf(0), isAtLeast: true },
      { name: nameOf(1), p50Ms: 0 },
    ]);
    expect(replicas[0]?.['maxMs']).toBeGreaterThan(100);
  });

  it('says why nothing could be measured', async () => {
    const args = ['lag', '--for', '100ms', '--primary', 'postgres://me:hunter2@127.0.0.1:1/shop'];
    const { out, err, exitCode } = await command(args);
    expect([exitCode, out, err]).toEqual([
      2,
      'there are no replicas\n',
      'nestjs-replica: primary: connect ECONNREFUSED 127.0.0.1:1\n',
    ]);
    const json = await command([...args, '--json']);
    expect(JSON.parse(json.out)).toMatchObject({ problems: [{ node: 'primary' }] });
  });

  it('ends early when somebody stops it, with what it has measured', async () => {
    const stopped = new AbortController();
    setTimeout(() => stopped.abort(), 500);
    const { out, exitCode } = await command(['lag', '--for', '1h'], { env: env(), signal: stopped.signal });
    expect(exitCode).toBe(0);
    expect(out).toContain(nameOf(1));
  });
});

describe('status --watch', () => {
  it('shows the nodes until somebody stops it', async () => {
    const stopped = new AbortController();
    let views = 0;
    const outcome = await command(['status', '--watch', '--every', '100ms'], {
      env: env(),
      signal: stopped.signal,
      out: (text) => {
        if (text.includes('streaming')) views += 1;
        if (views === 3) stopped.abort();
      },
    });
    expect([outcome.exitCode, views]).toEqual([0, 3]);
  });
});

describe('docs/cli.md', () => {
  /** Commands of the page with what they print. */
  const examples = Array.from(
    readFileSync('docs/cli.md', 'utf8').matchAll(/^```console\n\$ nestjs-replica (.*)\n([\s\S]*?)^```/gm),
    ([, args = '', output = '']) => ({ args, output }),
  );

  /** An output without what differs from run to run: numbers, the width of columns, the order of lines. */
  const shapeOf = (output: string): string[] =>
    output
      .split('\n')
      .map((line) =>
        line
          .replaceAll(/\d{4}-\d\d-\d\dT[\d:]+Z/g, 'DATE')
          .replaceAll(/\b[\dA-F]+\/[\dA-F]+\b/g, 'POSITION')
          .replaceAll(/(?:under |over |>= )?\b\d[\d.,]*(?:%| (?:ms|s|k?B|MB)\b)?/g, '#')
          .replaceAll(/ +/g, ' ')
          .trim(),
      )
      .filter((line) => line !== '')
      .toSorted();

  const wordsOf = (args: string): string[] =>
    Array.from(args.matchAll(/"([^"]*)"|(\S+)/g), ([, quoted, word]) => quoted ?? word ?? '').map((word) =>
      word === 'dist/data-source.js' ? 'test/integration/cli/support/data-source.mjs' : word,
    );

  async function prepare(args: string): Promise<void> {
    const { primary, replicas } = cluster;
    if (args.startsWith('check')) {
      await replicas[1]?.pauseReplay();
      await primary.query("INSERT INTO orders (note) SELECT 'x' FROM generate_series(1, 10000)");
    }
    if (!args.startsWith('audit')) return;
    const times = async (count: number, sql: (id: number) => string): Promise<void> => {
      for (let id = 0; id < count; id += 1) await primary.query(sql(id));
    };
    await primary.query('SELECT pg_stat_statements_reset()');
    await times(60, (id) => `SELECT * FROM orders WHERE id = ${id}`);
    await times(25, () => "SELECT count(*) FROM recent WHERE placed > now() - interval '1 day'");
    await times(8, (id) => `UPDATE orders SET note = 'late' WHERE id = ${id}`);
    await times(4, (id) => `SELECT id FROM orders WHERE id = ${id} FOR UPDATE`);
    await times(2, () => 'SELECT touch()');
  }

  it('has examples of all commands', () => {
    const commands = new Set(examples.map(({ args }) => args.replace(/ .*/, '')));
    expect(commands).toEqual(new Set(['audit', 'check', 'explain', 'lag', 'status']));
  });

  it.each(examples)('shows what this prints: $args', async ({ args, output }) => {
    await prepare(args);
    // For `support/data-source.mjs`.
    Object.assign(globalThis, { nodesOfDataSource: cluster.nodes.map(({ url }) => url) });
    const { out } = await command(wordsOf(args));
    expect(shapeOf(out)).toEqual(shapeOf(output));
  });
});
