import '../support/cluster/on-mariadb.js';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { AuditReport } from '../../libs/replica/src/cli/audit/audit-report.js';
import type { CheckReport } from '../../libs/replica/src/cli/check/check-report.js';

// They have to be loaded after the database is chosen.
const { heal, useCluster } = await import('../support/cluster/use-cluster.js');
const { command } = await import('../support/command-line.js');

const cluster = useCluster({
  replicas: 1,
  settings: { performance_schema: true, log_bin_trust_function_creators: true },
  sql: `CREATE TABLE orders (id int AUTO_INCREMENT PRIMARY KEY, note varchar(20));
    INSERT INTO orders (note) SELECT 'x' FROM seq_1_to_100;
    CREATE FUNCTION touch() RETURNS int MODIFIES SQL DATA BEGIN UPDATE orders SET note = 'y' WHERE id = 1; RETURN 1; END;
    CREATE USER watcher IDENTIFIED BY 'hunter2p@ss:w/ord?'; GRANT SELECT, EXECUTE ON *.* TO watcher; REVOKE SELECT ON *.* FROM watcher`,
});

const env = () => ({
  DATABASE_URL: cluster.primary.url,
  DATABASE_READ_REPLICA_URL: cluster.replicas.map(({ url }) => url).join(','),
});

const asApp = (url = ''): string =>
  url.replace(/\/\/.*@/, `//watcher:${encodeURIComponent('hunter2p@ss:w/ord?')}@`);

afterEach(() => heal(cluster));

describe('the command line on MariaDB', () => {
  const check = async (...args: string[]): Promise<CheckReport> =>
    JSON.parse((await command(['check', '--json', ...args], { env: env() })).out) as CheckReport;

  it('checks a healthy cluster, one that lags, and one that is broken', async () => {
    expect(await check()).toMatchObject({
      status: 'ok',
      primary: { health: 'up' },
      replicas: [
        {
          health: 'up',
          receiver: 'receives: Yes, replays: Yes',
          syncState: 'async',
          lagMs: 0,
          lagBytes: null,
          lagTransactions: 0,
          connections: { needed: 11, max: 300 },
        },
      ],
    });
    await cluster.replicas[0]?.pauseReplay();
    await cluster.primary.query("INSERT INTO orders (note) VALUES ('late')");
    const late = await check('--warn-lag', '100ms');
    expect(late).toMatchObject({
      status: 'critical',
      replicas: [{ lagTransactions: 1, lagIs: 'estimated' }],
    });
    expect(late.findings.map(({ message }) => message)).toContain('its receiver: receives: Yes, replays: No');
    await cluster.replicas[0]?.stop();
    expect(await check()).toMatchObject({ exitCode: 2, replicas: [{ health: 'down', serves: false }] });
  });

  it('says which right is missing', async () => {
    const [replica] = cluster.replicas;
    const urls = ['--primary', asApp(cluster.primary.url), '--replica', asApp(replica?.url)];
    const report = await check(...urls);
    expect(report).toMatchObject({ status: 'warning', exitCode: 1 });
    expect(report.findings[0]?.remedy).toBe('GRANT REPLICA MONITOR ON *.* TO the user of this command');
    const { exitCode, err } = await command(['audit', '--primary', asApp(cluster.primary.url)]);
    expect(exitCode).toBe(3);
    expect(err).toContain('GRANT SELECT ON performance_schema.* TO it');
  });

  it('audits what the server has counted', async () => {
    const { primary } = cluster;
    await primary.query('TRUNCATE performance_schema.events_statements_summary_by_digest');
    for (let id = 1; id <= 5; id += 1)
      await primary.query(
        `SELECT COUNT(*), CONCAT_WS('-', MAX(o.note), DATE_FORMAT(NOW(), '%Y')), IFNULL(NULL, 1) FROM orders o WHERE o.id IN (1, 2, ${id}) AND note <> 'hunter2' LIMIT 1`,
      );
    await primary.query('SELECT touch()');
    await primary.query('SELECT id FROM orders FOR UPDATE');
    const { out } = await command(['audit', '--json'], { env: env() });
    const report = JSON.parse(out) as AuditReport;
    expect(report.mayLeave).toMatchObject({ texts: 1, calls: 5 });
    expect(report.top.map(({ kind, why }) => [kind, why])).toEqual(
      expect.arrayContaining([
        ['unknown', 'calls touch()'],
        ['locking-read', 'FOR UPDATE'],
      ]),
    );
    expect(out).not.toContain('hunter2');
  });

  it('explains with the catalog, and shows status and lag', async () => {
    const explained = await command([
      'explain',
      '--json',
      'SELECT touch()',
      '--primary',
      cluster.primary.url,
    ]);
    expect(JSON.parse(explained.out)).toMatchObject({ kind: 'unknown', catalog: 'database' });
    const status = await command(['status'], { env: env() });
    expect([status.exitCode, status.out]).toEqual([
      0,
      expect.stringContaining('receives: Yes, replays: Yes'),
    ]);
    const lag = await command(['lag', '--for', '200ms', '--every', '20ms'], { env: env() });
    expect(lag.out).toMatch(/^REPLICA +P50 +P95 +MAX +SAMPLES +MISSED\n127\.0\.0\.1-\d+ +0 ms/);
  });
});
