import { beforeAll, describe, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import type { PostgresNode } from 'nestjs-replica/testing';
import {
  And,
  ArrayContains,
  Between,
  Brackets,
  type DataSource,
  ILike,
  In,
  IsNull,
  JsonContains,
  LessThan,
  Like,
  MoreThanOrEqual,
  Not,
  Or,
  QueryFailedError,
  Raw,
} from 'typeorm';
import {
  Author,
  Book,
  BookSubscriber,
  FILL,
  Genre,
  LIBRARY,
  Productivity,
  told,
} from '../../support/lanes/library.js';
import { startSource } from '../../support/app/start-source.js';
import { CapturedLogs } from '../../support/app/captured-logs.js';
import { until } from '../../support/until.js';
import { useCluster } from '../../support/cluster/use-cluster.js';

type Behaviour = (source: DataSource) => Promise<unknown>;

const books = (source: DataSource): ReturnType<typeof source.getRepository<Book>> =>
  source.getRepository(Book);
const authors = (source: DataSource): ReturnType<typeof source.getRepository<Author>> =>
  source.getRepository(Author);

const FINDING: Record<string, Behaviour> = {
  'all columns': (source) => authors(source).find({ order: { id: 'ASC' } }),
  'a column that is not selected otherwise': (source) =>
    authors(source).find({ select: { id: true, secret: true }, order: { id: 'DESC' } }),
  'what was deleted softly': (source) => authors(source).findOne({ where: { id: 10 }, withDeleted: true }),
  nothing: (source) => authors(source).findOneBy({ id: 10 }),
  'nothing, as an error': (source) =>
    authors(source)
      .findOneByOrFail({ id: 77 })
      .catch((error: Error) => error.message),
  'by operators': (source) =>
    books(source).find({
      where: [
        { id: In([1, 2, 3]), pages: Between(10, 20) },
        { title: And(Like('book%'), Not(ILike('BOOK 1%'))), pages: Or(LessThan(30), MoreThanOrEqual(190)) },
        { pages: Raw((alias) => `${alias} % :divisor = 0`, { divisor: 70 }) },
      ],
      order: { pages: 'DESC', id: 'ASC' },
    }),
  'by arrays, JSON and NULL': (source) =>
    authors(source).findBy({
      born: IsNull(),
      tags: ArrayContains(['tag 3']),
      settings: JsonContains({ n: 3 }),
    }),
  'by an embedded column and a relation': (source) =>
    books(source).findBy({ author: { address: { city: 'city 2' } } }),
  'relations by join': (source) =>
    authors(source).find({ relations: { books: true }, order: { id: 'ASC', books: { id: 'DESC' } } }),
  'relations by queries of their own': (source) =>
    authors(source).find({
      relations: { books: true },
      relationLoadStrategy: 'query',
      order: { id: 'ASC', books: { id: 'ASC' } },
    }),
  'a page, and how many there are': (source) =>
    books(source).findAndCount({ relations: { author: true }, order: { id: 'ASC' }, skip: 3, take: 4 }),
  numbers: async (source) => [
    await books(source).countBy({ pages: LessThan(100) }),
    await books(source).existsBy({ id: 3 }),
    await books(source).existsBy({ id: 300 }),
    await books(source).sum('pages', { author: { id: 2 } }),
    await books(source).average('pages'),
    await books(source).maximum('pages'),
  ],
  'a view': (source) => source.getRepository(Productivity).find({ order: { id: 'ASC' } }),
};

const BUILDING: Record<string, Behaviour> = {
  'joins, groups and subqueries': (source) =>
    authors(source)
      .createQueryBuilder('author')
      .leftJoin('author.books', 'book')
      .select('author.id', 'id')
      .addSelect('sum(book.pages)', 'pages')
      .where((query) => {
        const longOnes = query.subQuery().select('b."authorId"').from(Book, 'b').where('b.pages > :least');
        return `author.id IN ${longOnes.getQuery()}`;
      })
      .setParameter('least', 100)
      .groupBy('author.id')
      .having('count(book.id) > :few', { few: 2 })
      .orderBy('author.id')
      .getRawMany(),
  'rows and entities': (source) =>
    books(source)
      .createQueryBuilder('book')
      .innerJoinAndSelect('book.author', 'author')
      .addSelect('book.pages * 2', 'twice')
      .where(new Brackets((query) => query.where('book.id = :one', { one: 1 }).orWhere('book.id = 2')))
      .orderBy('book.id')
      .getRawAndEntities(),
  'a page with joins, which takes two statements': (source) =>
    books(source)
      .createQueryBuilder('book')
      .leftJoinAndSelect('book.genres', 'genre')
      .orderBy('book.pages', 'DESC')
      .skip(2)
      .take(3)
      .getManyAndCount(),
  'a common table expression': (source) =>
    source
      .createQueryBuilder()
      .addCommonTableExpression('SELECT id, pages FROM book WHERE pages > 150', 'long')
      .select('long.id', 'id')
      .from('long', 'long')
      .orderBy('long.id')
      .getRawMany(),
  'a list of parameters': (source) =>
    source
      .getRepository(Genre)
      .createQueryBuilder('g')
      .where('g.id IN (:...ids)', { ids: [1, 3] })
      .orderBy('g.id')
      .getMany(),
  'a relation alone': (source) =>
    source.createQueryBuilder().relation(Author, 'books').of(3).loadMany<Book>().then(sortById),
  SQL: (source) =>
    source.query('SELECT id, title, now() > $2::date AS late FROM book WHERE id < $1 ORDER BY id', [
      4,
      '2000-01-01',
    ]),
  'SQL without columns, and without rows': async (source) => [
    await source.query('SELECT FROM book WHERE id < 3'),
    await source.query('SELECT id FROM book WHERE id < 0'),
  ],
  'a stream': async (source) => {
    const rows: unknown[] = [];
    const stream = await books(source).createQueryBuilder('book').orderBy('book.id').stream();
    for await (const row of stream) rows.push(row);
    return rows;
  },
};

const sortById = <T extends { id: number }>(list: T[]): T[] => list.toSorted((a, b) => a.id - b.id);

const cluster = useCluster({ replicas: 1 });

describe('TypeORM with lanes, as without them,', () => {
  let plain: ReplicaDataSource;
  let shared: ReplicaDataSource;

  beforeAll(async () => {
    const owner = await start({ lanes: false, synchronize: true });
    await cluster.primary.query(FILL);
    await cluster.primary.query(
      `CREATE FUNCTION noisy(n int) RETURNS int STABLE LANGUAGE plpgsql AS $$ BEGIN RAISE NOTICE 'noise %', n; RETURN n; END $$`,
    );
    await owner.destroy();
    await cluster.waitForCatchUp();
    plain = await start({ lanes: false });
    shared = await start({ prepareAfter: 3 });
  });

  const start = (changes: object): Promise<ReplicaDataSource> =>
    startSource(cluster, { entities: LIBRARY, ...changes });

  const onReplica = <T>(
    source: ReplicaDataSource,
    behaviour: (source: DataSource) => Promise<T>,
  ): Promise<T> => source.router.runOnReplica({}, () => behaviour(source));

  async function expectTheSame(behaviour: Behaviour): Promise<void> {
    const expected = await onReplica(plain, behaviour);
    expect(expected).toBeDefined();
    for (let use = 1; use <= 6; use++) expect(await onReplica(shared, behaviour)).toEqual(expected);
    const atOnce = await Promise.all(Array.from({ length: 8 }, () => onReplica(shared, behaviour)));
    for (const result of atOnce) expect(result).toEqual(expected);
  }

  it.each(Object.keys(FINDING))('finds %s', (name) => expectTheSame(FINDING[name] as Behaviour));

  it.each(Object.keys(BUILDING))('builds %s', (name) => expectTheSame(BUILDING[name] as Behaviour));

  it('hydrates values of all types', async () => {
    for (let use = 1; use <= 6; use++) {
      expect(await onReplica(shared, (source) => authors(source).findOneBy({ id: 2 }))).toEqual({
        id: 2,
        name: 'author 2',
        tags: ['tag 2', 'a "quoted", one', null],
        settings: { n: 2, list: [1, 2] },
        born: '1950-01-03',
        rating: 2.25,
        visits: '9007199254740995',
        status: 'new',
        nicknames: ['a2', 'b'],
        extras: { n: 2 },
        portrait: Buffer.from([0, 255]),
        pause: expect.objectContaining({ days: 2 }),
        years: '[2,12)',
        address: { city: 'city 2', zip: null },
        createdAt: new Date(2_000),
        deletedAt: null,
      });
    }
  });

  it('reads on few connections', async () => {
    const replica = cluster.replicas[0] as PostgresNode;
    let counted = 0;
    const connectionsOf = async (lanes: boolean): Promise<number> => {
      const applicationName = `counted-${++counted}`;
      const source = await start({ lanes, applicationName });
      const read = (): Promise<unknown> => onReplica(source, () => books(source).findOneBy({ id: 1 }));
      for (let use = 1; use <= 3; use++) await read();
      await Promise.all(Array.from({ length: 30 }, read));
      const found = await replica.query('SELECT 1 FROM pg_stat_activity WHERE application_name = $1', [
        applicationName,
      ]);
      await source.destroy();
      return found.length;
    };
    const withoutLanes = await connectionsOf(false);
    // Only fast reads share a connection. What is fast is measured, and a busy machine answers none in 2 ms for a while: nothing tells
    // when it is over but another try, on connections that are new.
    let withLanes = Infinity;
    await until(async () => (withLanes = await connectionsOf(true)) < withoutLanes);
    expect(withLanes).toBeLessThan(withoutLanes);
  });

  it('tells subscribers', async () => {
    const heard = async (lanes: boolean): Promise<string[][]> => {
      const source = await start({ lanes, subscribers: [BookSubscriber] });
      const rounds: string[][] = [];
      for (let use = 1; use <= 6; use++) {
        told.length = 0;
        await onReplica(source, () =>
          books(source).find({ where: { id: In([1, 2]) }, order: { id: 'ASC' } }),
        );
        rounds.push(told.slice());
      }
      return rounds;
    };
    const expected = ['before a query', 'after a query: true', 'loaded 1 false', 'loaded 2 false'];
    for (const lanes of [false, true])
      for (const round of await heard(lanes)) expect(round).toEqual(expected);
  });

  it('logs queries, errors and slow ones', async () => {
    const logged = async (lanes: boolean): Promise<string[]> => {
      const logger = new CapturedLogs();
      const source = await start({ lanes, logger, logging: true, maxQueryExecutionTime: 1_000 });
      // What opens a connection may take long.
      await onReplica(source, () => source.query('SELECT 1'));
      logger.lines.length = 0;
      for (let use = 1; use <= 6; use++) {
        await onReplica(source, () => source.query('SELECT $1::int AS n', [use]));
        await onReplica(source, () => source.query('SELECT 1 / $1::int AS n', [0])).catch(() => undefined);
        await onReplica(source, () => source.query('SELECT pg_sleep($1::float8)', [use === 6 ? 1.2 : 0]));
      }
      // How long it took, and where in this file it was asked, differ.
      return logger.lines.map((line) =>
        line.replace(/slow query: \d+(\.\d+)?/, 'slow query').replaceAll(/typeorm\.spec\.ts:\d+:\d+/g, ''),
      );
    };
    const expected = await logged(false);
    expect(expected.filter((line) => line.includes('slow'))).toHaveLength(1);
    expect(await logged(true)).toEqual(expected);
  });

  it('tells notices once each', async () => {
    for (const lanes of [false, true]) {
      const logger = new CapturedLogs();
      const source = await start({ lanes, logger, logNotifications: true });
      for (let use = 1; use <= 6; use++)
        await onReplica(source, () => source.query('SELECT noisy($1)', [use]));
      await until(() => logger.lines.some((line) => line.includes('noise 6')));
      const noise = logger.lines.flatMap((line) => /noise \d/.exec(line)?.[0] ?? []);
      expect(noise).toEqual([1, 2, 3, 4, 5, 6].map((n) => `noise ${n}`));
    }
  });

  it('tells what went wrong, with a stack that leads to the caller', async () => {
    const failureOf = async (source: ReplicaDataSource, use: number): Promise<QueryFailedError> => {
      const askWrongly = async (): Promise<unknown> =>
        await onReplica(
          source,
          async () => await source.query('SELECT id / $1::int FROM book', [use === 1 ? 1 : 0]),
        );
      const error: unknown = await askWrongly().catch((reason: unknown) => reason);
      if (use > 1) expect(error).toBeInstanceOf(QueryFailedError);
      return error as QueryFailedError;
    };
    for (const source of [plain, shared]) {
      for (let use = 1; use <= 6; use++) {
        const error = await failureOf(source, use);
        if (use === 1) continue;
        expect(error).toMatchObject({
          query: 'SELECT id / $1::int FROM book',
          parameters: [0],
          message: expect.stringContaining('division by zero'),
          driverError: { code: '22012', severity: 'ERROR', routine: 'int4div' },
        });
        expect(error.stack).toContain('askWrongly');
        expect(error.driverError.stack).toContain('askWrongly');
      }
    }
  });
});
