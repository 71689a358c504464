import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource, type StatementEvent } from 'nestjs-replica';
import type pg from 'pg';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { CopyOut } from '../../support/copy-out.js';
import { until } from '../../support/until.js';
import { useCluster } from '../../support/cluster/use-cluster.js';

const cluster = useCluster({
  replicas: 1,
  sql: `
    create sequence status; create unlogged table note (id int); create table parcel (id int, status text, note text);
    insert into parcel values (1, 'sent', 'fragile')`,
});
let dataSource: ReplicaDataSource;
let events: StatementEvent[];
let lines: string[] = [];

beforeAll(async () => {
  dataSource = await connect();
  cluster.beforeStop(() => dataSource.destroy());
});
beforeEach(() => {
  events = [];
  lines = [];
});

async function connect(): Promise<ReplicaDataSource> {
  const [replica] = cluster.replicas;
  const { host, port, username, password, database } = cluster.primary;
  const made = new ReplicaDataSource({
    type: 'postgres',
    name: 'parcels',
    primary: { name: 'primary', host, port, username, password, database },
    replicas: [{ name: 'replica', host: replica!.host, port: replica!.port, username, password, database }],
    logger: {
      log: (_level, message) => void lines.push(String(message)),
      logQuery: () => undefined,
      logQueryError: () => undefined,
      logQuerySlow: () => undefined,
      logSchemaBuild: () => undefined,
      logMigration: () => undefined,
    },
  });
  await made.initialize();
  made.router.on('statement', (event) => void events.push(event));
  await until(() => typeof made.router.topology().replicas[0]?.lagMs === 'number');
  return made;
}

const read = <T>(text: string, preventWrites = false): Promise<T> =>
  dataSource.router.runOnReplica({ preventWrites }, () => dataSource.query<T>(text));

/** Where the text ran, by what the events say. */
async function placeOf(text: string): Promise<string> {
  events = [];
  await read(text);
  return events.map(({ kind, node }) => `${kind} on ${node}`).join();
}

describe('a read', () => {
  it.each([
    'SELECT status FROM parcel',
    'SELECT p.status, "p"."note" AS "p_note" FROM "parcel" "p" WHERE p.note = \'fragile\'',
    'SELECT 1 AS status, 2 AS "note"',
    'WITH status AS (SELECT 1 AS id) SELECT * FROM status',
  ])('leaves the primary though a column is named like a sequence or an unlogged table: %s', async (text) => {
    expect(await placeOf(text)).toBe('read on replica');
  });

  it.each(['SELECT last_value FROM status', 'SELECT "status".* FROM parcel, "status"', 'TABLE note'])(
    'stays there where the sequence or the table is read: %s',
    async (text) => {
      expect(await placeOf(text)).toBe('locking-read on primary');
    },
  );
});

describe('COPY ... TO STDOUT', () => {
  const texts = ['COPY (SELECT id, status FROM parcel) TO STDOUT', 'COPY parcel (id, status) TO STDOUT'];

  async function copy(text: string, preventWrites = false): Promise<string> {
    return dataSource.router.runOnReplica({ preventWrites }, async () => {
      const [client, release] = (await (
        dataSource.driver as unknown as PostgresDriver
      ).obtainSlaveConnection()) as [pg.PoolClient, () => void];
      const query = new CopyOut(text);
      client.query(query as unknown as pg.Submittable);
      return query.content.finally(release);
    });
  }

  it.each(texts)('is read on a replica even if writes are prevented: %s', async (text) => {
    for (const preventWrites of [false, true]) {
      events = [];
      expect(await copy(text, preventWrites)).toBe('1\tsent\n');
      expect(events.map(({ kind, node }) => `${kind} on ${node}`)).toEqual(['read on replica']);
    }
  });

  it.each(texts)('does no harm as a plain statement: %s', async (text) => {
    for (let count = 0; count < 20; count += 1) {
      expect(await placeOf(text)).toBe('read on replica');
      expect(await read('SELECT 1 AS one')).toEqual([{ one: 1 }]);
    }
  });

  it('is refused if its query writes', async () => {
    await expect(copy('COPY (DELETE FROM parcel RETURNING id) TO STDOUT', true)).rejects.toMatchObject({
      code: 'REPLICA_WRITE_PREVENTED',
    });
  });

  it('binds nobody to the primary', async () => {
    await dataSource.router.runOnReplica({}, async () => {
      await copy(texts[0]!);
      events = [];
      await dataSource.query('SELECT status FROM parcel');
      expect(events[0]?.node).toBe('replica');
    });
  });
});

describe('a table that another process has made a moment ago', () => {
  it('can be read if writes are prevented', async () => {
    for (const name of ['fresh_1', 'fresh_2']) {
      await cluster.primary.query(`create table ${name} as select 7 as id`);
      await cluster.waitForCatchUp();
      expect(await read(`SELECT id FROM ${name}`, true)).toEqual([{ id: 7 }]);
    }
    await cluster.primary.query(
      `create schema fresh; create function fresh.seven() returns int stable return 7`,
    );
    await cluster.waitForCatchUp();
    expect(await read('SELECT fresh.seven() AS id', true)).toEqual([{ id: 7 }]);
  });

  it('may still not be written to, and a table that nobody has made may not be read', async () => {
    await cluster.primary.query('create table fresh_3 (id int)');
    for (const text of ['INSERT INTO fresh_3 VALUES (1)', 'SELECT made_by_nobody()']) {
      await expect(read(text, true)).rejects.toMatchObject({ code: 'REPLICA_WRITE_PREVENTED' });
    }
  });

  it('is soon read on a replica, even if it was asked for before it existed', async () => {
    const asked = read('SELECT id FROM fresh_4');
    await expect(asked).rejects.toMatchObject({ code: '42P01' });
    // The catalog has been read again by then, and did not know it either.
    await until(() => dataSource.router.catalogStatus().ageMs! < 500);
    await cluster.primary.query('create table fresh_4 (id int)');
    await cluster.waitForCatchUp();
    await until(async () => (await placeOf('SELECT id FROM fresh_4')) === 'read on replica');
  });
});

describe('a cast between built-in types by a function that nobody marked', () => {
  const cast = (context: string): string => `
    create function to_box(text) returns box language plpgsql as $$ begin perform pg_advisory_lock(5); return null; end $$;
    create cast (text as box) with function to_box(text) ${context}`;
  const drop = 'drop cast (text as box); drop function to_box';

  it('is named in the log and in the status if it keeps all reads on the primary', async () => {
    await cluster.primary.query(cast('as implicit'));
    await read('SELECT made_by_nobody()').catch(() => undefined);
    await until(() => dataSource.router.catalogStatus().keepsAllOnPrimary.length > 0);
    const what = 'cast (text as box) with function to_box';
    expect(dataSource.router.catalogStatus()).toMatchObject({ isLoaded: true, keepsAllOnPrimary: [what] });
    expect(lines.filter((line) => line.includes(what))).toHaveLength(1);
    expect(await placeOf('SELECT status FROM parcel')).toBe('unknown on primary');
    await cluster.primary.query('alter function to_box(text) stable');
    await cluster.primary.query(
      `create or replace function to_box(text) returns box language sql stable return null`,
    );
    await read('SELECT made_by_nobody()').catch(() => undefined);
    await until(() => dataSource.router.catalogStatus().keepsAllOnPrimary.length === 0);
    expect(await placeOf('SELECT status FROM parcel')).toBe('read on replica');
    await cluster.primary.query(drop);
  });

  it.each(['', 'as assignment'])(
    'concerns only what names the type where it is not implicit: %s',
    async (context) => {
      await cluster.primary.query(cast(context));
      await read('SELECT made_by_nobody()').catch(() => undefined);
      await until(
        async () => (await placeOf('SELECT status::box FROM parcel WHERE false')) === 'unknown on primary',
      );
      expect(dataSource.router.catalogStatus().keepsAllOnPrimary).toEqual([]);
      expect(await placeOf('SELECT status FROM parcel')).toBe('read on replica');
      await cluster.primary.query(drop);
    },
  );
});
