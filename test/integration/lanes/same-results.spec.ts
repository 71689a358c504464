import { describe, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import { startSource } from '../../support/app/start-source.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';

interface DirectPool {
  query(query: unknown, values?: unknown[]): Promise<{ rows: unknown[]; fields: { name: string }[] }>;
}

/** One value, or more, of each kind of type that PostgreSQL has. */
const VALUES = [
  `true, NULL::bool, 1::int2, 2::int4, 9007199254740993::int8, 42::int8, 1.5::float4, 'NaN'::float8, 12.340::numeric, 3.5::money`,
  `'a'::text, 'b'::varchar(3), 'c'::char(4), 'd'::name, 'ä€😀'::text, ''::text, '\\xdeadbeef'::bytea, 'e'::"char"`,
  `'2024-02-29'::date, '12:34:56.789'::time, '12:34:56+02'::timetz, '2024-02-29 12:00'::timestamp, '2024-02-29 12:00+02'::timestamptz`,
  `'infinity'::timestamptz, '1 year 2 days 03:04:05'::interval`,
  `'{"a":[1,null]}'::json, '{"b":{"c":1e3}}'::jsonb, 'null'::jsonb, '$.a[*]'::jsonpath, '<a>1</a>'::xml`,
  `'{1,NULL,3}'::int4[], '{{a,b},{c,"d e"}}'::text[], '{2024-01-01}'::date[], '{9007199254740993}'::int8[], '{}'::int4[]`,
  `'8f9d1a70-4f4e-4f3a-9d3b-0f0e0d0c0b0a'::uuid, '10.0.0.1/8'::inet, '10.0.0.0/8'::cidr, '08:00:2b:01:02:03'::macaddr`,
  `B'1010'::bit(4), B'101'::varbit, '(1,2)'::point, '<(0,0),2>'::circle, '((0,0),(1,1))'::box, '[(0,0),(1,1)]'::path`,
  `'[1,5)'::int4range, '{[1,2),[4,6)}'::int4multirange, '[2024-01-01,2024-02-01)'::daterange`,
  `'a fat cat'::tsvector, 'fat & cat'::tsquery, '16/B374D848'::pg_lsn, 'pg_class'::regclass, ROW(1,'x')`,
];

const cluster = useLedgerCluster({ replicas: 1, count: 0 });

describe('reads with and without lanes', () => {
  const direct = (source: ReplicaDataSource): DirectPool =>
    (source.driver as unknown as { slaves: DirectPool[] }).slaves[0] as DirectPool;

  it.each([{}, { parseInt8: true }])('give the same, type by type (%j)', async (more) => {
    const [plain, shared] = [
      await startSource(cluster, { ...more, lanes: false }),
      await startSource(cluster, { ...more, prepareAfter: 3 }),
    ];
    for (const values of VALUES) {
      for (const call of [
        [`SELECT ${values}`],
        [`SELECT ${values}, $1::int AS n`, [7]],
        [{ text: `SELECT ${values}, $1::text[] AS list`, values: [['x', null, 'y,"z']], rowMode: 'array' }],
        [{ text: `SELECT ${values}`, types: { getTypeParser: () => (text: string) => `<${text}>` } }],
      ] as [unknown, unknown[]?][]) {
        const run = (source: ReplicaDataSource): ReturnType<DirectPool['query']> =>
          source.router.runOnReplica({}, () => direct(source).query(...call));
        const expected = await run(plain);
        for (let use = 1; use <= 6; use++) {
          const { rows, fields } = await run(shared);
          expect(rows).toEqual(expected.rows);
          expect(fields).toEqual(expected.fields);
        }
      }
    }
  });

  it('tell errors alike', async () => {
    const source = await startSource(cluster, { prepareAfter: 2 });
    const read = (divisor: number): Promise<unknown> =>
      source.router.runOnReplica({}, () => source.query('SELECT 1 / $1::int AS n', [divisor]));
    for (let use = 1; use <= 8; use++) {
      expect(await read(1)).toEqual([{ n: 1 }]);
      await expect(read(0)).rejects.toMatchObject({
        name: 'QueryFailedError',
        driverError: { code: '22012' },
      });
    }
  });
});
