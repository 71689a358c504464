import { beforeAll, describe, expect, it } from '@jest/globals';
import type { PostgresNode } from 'nestjs-replica/testing';
import pg from 'pg';
import { loadCatalog } from '../../../libs/replica/src/postgres/statements/load-catalog.js';
import { StatementClassifier } from '../../../libs/replica/src/postgres/statements/statement-classifier.js';
import type { Catalog } from '../../../libs/replica/src/postgres/statements/catalog.js';
import { OTHERS } from '../../support/statements/others.js';
import { COPIES, OTHER_READS, TYPEORM_READS } from '../../support/statements/reads.js';
import { SCHEMA } from '../../support/statements/schema.js';
import { HARMLESS_BESIDE_TRAPS, TRAPPED, TRAPS } from '../../support/statements/traps.js';
import { useCluster } from '../../support/cluster/use-cluster.js';

/** What one connection has left behind: its locks, settings, prepared statements, cursors, channels. */
const TRACES = `
select (select json_agg((locktype, objid)::text) from pg_locks where pid = pg_backend_pid() and locktype = 'advisory') as locks,
  (select json_agg((name, setting)::text order by name) from pg_settings where source = 'session') as settings,
  (select count(*)::int from pg_prepared_statements) as prepared,
  (select count(*)::int from pg_cursors where name <> '') as cursors,
  (select count(*)::int from pg_listening_channels()) as channels,
  current_setting('search_path') as path`;

const cluster = useCluster({ replicas: 1 });
let replica: PostgresNode;
let catalog: Catalog;

beforeAll(async () => {
  replica = cluster.replicas[0]!;
  await cluster.primary.query(SCHEMA);
  await cluster.primary.query(TRAPS);
  await cluster.primary.query(
    `create role reader login password '${replica.password}'; grant usage on schema other to reader;
     grant select on all tables in schema public to reader`,
  );
  await cluster.waitForCatchUp();
  catalog = await loadCatalog((sql) => replica.query(sql));
});

function connect(node: PostgresNode, user = node.username): pg.Client {
  const { host, port, database, password } = node;
  return new pg.Client({ host, port, database, user, password, statement_timeout: 5_000 });
}

async function withClient<T>(client: pg.Client, use: (client: pg.Client) => Promise<T>): Promise<T> {
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}

/** As many nulls as the text has parameters. */
function parametersOf(text: string): null[] | undefined {
  const highest = Math.max(0, ...[...text.matchAll(/\$(\d+)/g)].map(([, digits]) => Number(digits)));
  return highest === 0 ? undefined : Array.from<null>({ length: highest }).fill(null);
}

/** The SQLSTATE, or `undefined` when the statement succeeded. */
async function run(client: pg.Client, text: string): Promise<string | undefined> {
  try {
    await client.query(text, parametersOf(text));
    return undefined;
  } catch (error) {
    return String((error as { code?: unknown }).code ?? error);
  }
}

function classifier(): StatementClassifier {
  const made = new StatementClassifier();
  made.useCatalog(catalog);
  return made;
}

describe('the catalog', () => {
  it('is the same on the primary and on a replica, also for an ordinary user', async () => {
    const loaded: Catalog[] = [];
    for (const node of cluster.nodes) {
      for (const user of [node.username, 'reader']) {
        await withClient(connect(node, user), async (client) => {
          loaded.push(
            await loadCatalog(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows),
          );
        });
      }
    }
    for (const one of loaded) expect(one).toEqual(catalog);
    expect(catalog.functions.size).toBeGreaterThan(2_000);
    expect(catalog.functions.get('lower')).toBe(0);
    expect(catalog.relations?.has('product')).toBe(true);
    expect(catalog.plainBackslashes).toBe(true);
  });

  it('takes no notice of the relations of temporary schemas', async () => {
    await withClient(connect(cluster.primary), async (client) => {
      await client.query('create temp table fleeting (id int)');
      const own = await loadCatalog(async (sql) => (await client.query<Record<string, unknown>>(sql)).rows);
      expect(own.relations?.has('fleeting')).toBe(false);
    });
  });

  it('finds nothing in a new database that an everyday query uses', () => {
    for (const operator of ['=', '<>', '<', '~~', '~~*', '@>', '->>', '||', '+']) {
      expect([operator, catalog.operators.get(operator)]).toEqual([operator, 0]);
    }
    expect(catalog.anywhere).toEqual(new Map());
  });

  it('is asked for again once a text names what it does not know', async () => {
    const statements = classifier();
    expect(statements.classify('SELECT made_later(1)')).toMatchObject({
      kind: 'unknown',
      needsCatalog: true,
    });
    await cluster.primary.query(
      `create function made_later(int) returns int language sql immutable as 'select 1'`,
    );
    statements.useCatalog(await loadCatalog((sql) => cluster.primary.query(sql)));
    const known = statements.classify('SELECT made_later(1)');
    expect([known.kind, known.needsCatalog]).toEqual(['read', undefined]);
    await cluster.primary.query('drop function made_later');
    await cluster.waitForCatchUp();
  });
});

describe('what a user has made', () => {
  it.each(TRAPPED)('is no read: %s', (text) => {
    expect(classifier().classify(text).kind).not.toBe('read');
  });

  it('would often have done its harm on the replica without an error', async () => {
    const silent: string[] = [];
    for (const text of TRAPPED) {
      await withClient(connect(replica), async (client) => {
        const before = (await client.query(TRACES)).rows;
        const code = await run(client, text);
        if (
          code === undefined &&
          JSON.stringify(before) !== JSON.stringify((await client.query(TRACES)).rows)
        ) {
          silent.push(text);
        }
      });
    }
    expect(silent.length).toBeGreaterThan(25);
  });

  it.each(HARMLESS_BESIDE_TRAPS)('is a read: %s', (text) => {
    const statement = classifier().classify(text);
    expect(statement.because).toBeUndefined();
    expect(statement.kind).toBe('read');
  });

  it('is a write for good after a replica refused it', () => {
    const statements = classifier();
    const text = 'SELECT calm(1)';
    expect(statements.classify(text).kind).toBe('read');
    statements.rememberAsWrite(text);
    expect(statements.classify(text)).toMatchObject({ kind: 'write', mayWrite: true });
    statements.useCatalog({ ...catalog, revision: 'newer' });
    expect(statements.classify(text).kind).toBe('write');
  });
});

describe('on a real replica', () => {
  it('every read succeeds and leaves no trace', async () => {
    const statements = classifier();
    await withClient(connect(replica), async (client) => {
      const before = (await client.query(TRACES)).rows;
      for (const text of [...TYPEORM_READS, ...OTHER_READS, ...COPIES, ...HARMLESS_BESIDE_TRAPS]) {
        expect({ text, kind: statements.classify(text).kind }).toEqual({ text, kind: 'read' });
        expect({ text, code: await run(client, text) }).toEqual({ text, code: undefined });
        expect({ text, traces: (await client.query(TRACES)).rows }).toEqual({ text, traces: before });
      }
    });
  });

  it('what is no read is refused, or is one of the many that succeed silently', async () => {
    const statements = classifier();
    const outcomes = new Map<string, string[]>();
    for (const { text } of OTHERS) {
      // COPY would wait for data; the backslash is plain to a server that is known to read it so.
      if (text.startsWith('COPY') || text === `SELECT 'a\\'`) continue;
      expect({ text, isRead: statements.classify(text).kind === 'read' }).toEqual({ text, isRead: false });
      const code = await withClient(connect(replica), (client) => run(client, text));
      outcomes.set(code ?? 'silent', [...(outcomes.get(code ?? 'silent') ?? []), text]);
    }
    // 25006: read-only transaction. Errors alone would be no safety net:
    expect(outcomes.get('25006')?.length).toBeGreaterThan(40);
    expect(outcomes.get('silent')).toEqual(expect.arrayContaining([...SILENT]));
  });
});

/** A standby runs these without a word, though they change the connection, take a lock, or answer for another node. */
const SILENT = [
  'SET search_path TO public',
  `SELECT set_config('search_path', 'public', false)`,
  'SELECT pg_advisory_lock(1)',
  'SELECT pg_advisory_xact_lock(1)',
  'SELECT 1 FROM product WHERE pg_try_advisory_lock(1)',
  'SELECT setseed(0.5)',
  'PREPARE p AS SELECT 1',
  'SELECT * FROM pg_stat_replication',
  'SELECT n_live_tup FROM pg_stat_user_tables',
  'SELECT pg_current_snapshot()',
  'SELECT 1; SELECT 2',
  'SET search_path TO public; SELECT 1',
  'DO $$ BEGIN PERFORM 1; END $$',
  'EXPLAIN DELETE FROM category',
];
