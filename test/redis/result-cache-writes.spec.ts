import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ReplicaDataSource } from 'nestjs-replica';
import { Column, Entity, ManyToOne, OneToMany, PrimaryColumn, ViewColumn, ViewEntity } from 'typeorm';
import { isReady } from '../support/app/test-app.js';
import { startSource } from '../support/app/start-source.js';
import { useCluster } from '../support/cluster/use-cluster.js';
import { until } from '../support/until.js';
import { RedisServer } from './support/redis-server.js';

const MINUTE_MS = 60_000;
const SCHEMA = 'Lib';

@Entity({ name: 'Author', schema: SCHEMA })
class Author {
  @PrimaryColumn('int')
  id!: number;

  @Column('text')
  name!: string;

  @OneToMany(() => Post, (post) => post.author)
  posts!: Post[];
}

@Entity({ name: 'post', schema: SCHEMA })
class Post {
  @PrimaryColumn('int')
  id!: number;

  @Column('text')
  title!: string;

  @ManyToOne(() => Author, (author) => author.posts)
  author!: Author;
}

@ViewEntity({ name: 'titles', schema: SCHEMA, expression: '', synchronize: false })
class Title {
  @ViewColumn()
  id!: number;

  @ViewColumn()
  title!: string;
}

const cluster = useCluster({
  replicas: 1,
  sql: `
  CREATE SCHEMA "Lib";
  SET search_path TO "Lib";
  CREATE TABLE "Author" (id int PRIMARY KEY, name text);
  CREATE TABLE post (id int PRIMARY KEY, title text, "authorId" int REFERENCES "Author" ON DELETE CASCADE);
  INSERT INTO "Author" VALUES (1, 'a'), (2, 'b');
  INSERT INTO post VALUES (1, 'x', 1), (2, 'y', 2);
  CREATE VIEW titles AS SELECT id, upper(title) AS title FROM post;
  CREATE MATERIALIZED VIEW stored AS SELECT id, title FROM post;
  CREATE FUNCTION posts_of(int) RETURNS bigint STABLE LANGUAGE sql
    AS 'SELECT count(*) FROM "Lib".post WHERE "authorId" = $1';
  CREATE FUNCTION rename(t text) RETURNS int LANGUAGE sql AS 'UPDATE "Lib".post SET title = t WHERE id = 1 RETURNING 1';
  CREATE TABLE log (id int);
  CREATE FUNCTION on_log() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN UPDATE "Lib".post SET title = ''logged''; RETURN NULL; END';
  CREATE TRIGGER on_log AFTER INSERT ON log EXECUTE FUNCTION on_log()`,
});

type Run = (source: ReplicaDataSource) => Promise<unknown>;

const READS: readonly Run[] = [
  (source) =>
    source.getRepository(Author).findAndCount({
      relations: { posts: true },
      order: { id: 'ASC', posts: { id: 'ASC' } },
      take: 9,
      cache: { id: 'authors', milliseconds: MINUTE_MS },
    }),
  (source) => source.getRepository(Title).find({ order: { id: 'ASC' }, cache: MINUTE_MS }),
  (source) =>
    source
      .createQueryBuilder()
      .select('"Lib".posts_of(a.id)', 'posts')
      .from('Lib.Author', 'a')
      .orderBy('a.id')
      .cache(MINUTE_MS)
      .getRawMany(),
  (source) =>
    source
      .createQueryBuilder()
      .select('title')
      .from('Lib.stored', 's')
      .orderBy('id')
      .cache(MINUTE_MS)
      .getRawMany(),
];

const WRITES: Readonly<Record<string, Run>> = {
  'an entity that is saved': (source) => source.getRepository(Post).save({ id: 1, title: 'saved' }),
  'an upsert': (source) => source.getRepository(Post).upsert({ id: 1, title: 'upserted' }, ['id']),
  'names in quotes, and others': (source) => source.query(`update ONLY "Lib".POST AS p set title = 'quoted'`),
  'a WITH': (source) =>
    source.query(`WITH x AS (UPDATE "Lib".post SET title = 'with' RETURNING 1) SELECT count(*) FROM x`),
  'one of several statements': (source) =>
    source.query(`SELECT 1; UPDATE "Lib".post SET title = 'several'; SELECT 2`),
  'a function': (source) => source.query(`SELECT "Lib".rename('function')`),
  'a block': (source) => source.query(`DO $$ BEGIN UPDATE "Lib".post SET title = 'block'; END $$`),
  'a prepared statement': (source) =>
    source.transaction(async (manager) => {
      await manager.query(`PREPARE p AS UPDATE "Lib".post SET title = 'prepared'`);
      await manager.query('EXECUTE p');
      await manager.query('DEALLOCATE p');
    }),
  'a transaction with savepoints': (source) =>
    source.transaction(async (manager) => {
      await manager.query('SAVEPOINT kept');
      await manager.query(`UPDATE "Lib".post SET title = 'kept'`);
      await manager.query('SAVEPOINT undone');
      await manager.query(`UPDATE "Lib"."Author" SET name = 'undone'`);
      await manager.query('ROLLBACK TO SAVEPOINT undone');
    }),
  'a trigger': (source) => source.query('INSERT INTO "Lib".log VALUES (1)'),
  'a refreshed view': (source) => source.query('REFRESH MATERIALIZED VIEW "Lib".stored'),
  'a changed schema': (source) =>
    source.query(`ALTER TABLE "Lib"."Author" ALTER COLUMN name TYPE text USING 'altered'`),
  'a cascade': (source) => source.query('DELETE FROM "Lib"."Author" WHERE id = 2'),
  'a TRUNCATE that cascades': (source) => source.query('TRUNCATE "Lib"."Author" CASCADE'),
};

describe("what TypeORM's result cache in Redis gives after a write of another instance", () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await RedisServer.start();
  });

  afterAll(() => redis.stop());

  const startWith = (
    options: object,
    more: { readonly ignoreErrors?: boolean } = {},
  ): Promise<ReplicaDataSource> =>
    startSource(cluster, {
      entities: [Author, Post, Title] as never,
      cache: { type: 'redis', options, ...more } as never,
    });

  it('is what the primary has, for the writer at once, and for others with a replica that has it', async () => {
    const [writer, other] = await Promise.all([startWith({ url: redis.url }), startWith({ url: redis.url })]);
    const ready = async (): Promise<void> => {
      await cluster.waitForCatchUp();
      await until(() => isReady(writer.router) && isReady(other.router), 'replicas without lag');
    };
    const readAll = async (source: ReplicaDataSource): Promise<string> => {
      const answers: unknown[] = [];
      for (const read of READS) answers.push(await read(source));
      return JSON.stringify(answers);
    };
    const answered: string[] = [];
    other.router.on('statement', ({ kind }) => void answered.push(kind));
    const wrong: string[] = [];
    for (const [name, write] of Object.entries(WRITES)) {
      await ready();
      await other.router.runOnReplica({}, () => readAll(other));
      answered.length = 0;
      await other.router.runOnReplica({}, () => readAll(other));
      if (answered.length > 0) wrong.push(`nothing was cached before ${name}`);
      const own = await writer.router.runRequest({ method: 'POST', sessionKey: name }, async () => {
        await write(writer);
        return writer.router.runOnReplica({}, () => readAll(writer));
      });
      const right = await writer.router.runOnPrimary(() => readAll(writer));
      await ready();
      const others = await other.router.runOnReplica({}, () => readAll(other));
      if (own !== right) wrong.push(`the writer of ${name} gets ${own}, not ${right}`);
      if (others !== right) wrong.push(`others get ${others} after ${name}, not ${right}`);
    }
    await Promise.all([writer.destroy(), other.destroy()]);
    expect(wrong).toEqual([]);
  });

  it('holds up no write, and no read that ignores errors, when Redis is gone, and tells it once it is back', async () => {
    const gone = await RedisServer.start();
    const options = { url: gone.url, disableOfflineQueue: true };
    const ignoring = { ignoreErrors: true };
    const [dataSource, other] = await Promise.all([
      startWith(options, ignoring),
      startWith(options, ignoring),
    ]);
    const readOn = (source: ReplicaDataSource): Promise<string | undefined> =>
      source.router.runOnReplica({}, async () => {
        const post = await source.getRepository(Post).findOne({ where: { id: 9 }, cache: MINUTE_MS });
        return post?.title;
      });
    const write = (title: string): Promise<unknown> => dataSource.getRepository(Post).save({ id: 9, title });
    const caughtUp = async (): Promise<void> => {
      await cluster.waitForCatchUp();
      await until(() => isReady(dataSource.router) && isReady(other.router), 'replicas without lag');
    };
    try {
      await write('first');
      await caughtUp();
      expect(await readOn(dataSource)).toBe('first');
      await gone.stop();
      await write('second');
      await caughtUp();
      expect(await readOn(dataSource)).toBe('second');
      await gone.start();
      await until(async () => {
        await readOn(dataSource);
        return (await gone.ask('KEYS', '*')).includes('changed:table:post');
      }, 'marks in Redis');
      await gone.hang();
      for (const title of ['third', 'fourth', 'fifth']) await write(title);
      await gone.resume();
      await caughtUp();
      expect(await readOn(other)).toBe('fifth');
    } finally {
      await gone.resume();
      await Promise.all([dataSource.destroy(), other.destroy()]);
      await gone.stop();
    }
  });
});
