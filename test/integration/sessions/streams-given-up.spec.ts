import { describe, expect, it } from '@jest/globals';
import { Controller, Get, Param, Post } from '@nestjs/common';
import type { PoolClient } from 'pg';
import QueryStream from 'pg-query-stream';
import type { Readable } from 'node:stream';
import { once } from 'node:events';
import { DataSource, type QueryRunner } from 'typeorm';
import { useApp } from '../../support/app/start-app.js';
import { useCluster, whilePaused } from '../../support/cluster/use-cluster.js';

const WRITERS: Readonly<Record<string, string>> = {
  rows: 'INSERT INTO thing SELECT n FROM generate_series(1, 500) n RETURNING id',
  'a function': 'SELECT add_thing(n) FROM generate_series(1, 500) n',
};

/** How somebody gives up a stream after its first row. */
const WAYS: Readonly<Record<string, (runner: QueryRunner, text: string) => Promise<void>>> = {
  'a stream of TypeORM': async (runner, text) => {
    const stream = (await runner.stream(text)) as unknown as Readable;
    await once(stream, 'data');
    stream.destroy();
  },
  'a stream of pg': async (runner, text) => {
    const client = (await runner.connect()) as PoolClient;
    const stream = client.query(new QueryStream(text, [], { batchSize: 1 }));
    for await (const _ of stream) break;
  },
  'a stream of pg that is left open': async (runner, text) => {
    const client = (await runner.connect()) as PoolClient;
    const stream = client.query(new QueryStream(text, [], { batchSize: 1 }));
    await once(stream, 'data');
    stream.pause();
  },
};

@Controller()
class StreamController {
  constructor(private readonly dataSource: DataSource) {}

  @Post('begin/:writer/:way')
  async begin(@Param('writer') writer: string, @Param('way') way: string): Promise<object> {
    const runner = this.dataSource.createQueryRunner();
    try {
      await WAYS[way]?.(runner, WRITERS[writer] ?? '');
    } finally {
      await runner.release();
    }
    return {};
  }

  @Get('count')
  async count(): Promise<object> {
    const [row] = await this.dataSource.query('SELECT count(*)::int FROM thing');
    return row;
  }
}

const cluster = useCluster({
  sql: `
    CREATE TABLE thing (id int);
    CREATE FUNCTION add_thing(n int) RETURNS int LANGUAGE sql AS 'INSERT INTO thing VALUES (n) RETURNING id';`,
});
const app = useApp(cluster, [StreamController], { maxLagMs: 20_000 });

describe('a stream that writes and is given up at its first row', () => {
  let turn = 0;

  const ways = Object.keys(WAYS).flatMap((way) => Object.keys(WRITERS).map((writer) => ({ way, writer })));
  it.each(ways)('binds its session to what was written: $way, $writer', async ({ way, writer }) => {
    const session = `session ${turn++}`;
    await whilePaused(cluster, async () => {
      await cluster.primary.query('TRUNCATE thing');
      await app.post(`/begin/${encodeURIComponent(writer)}/${encodeURIComponent(way)}`, session);
      const next = await app.get('/count', session);
      const [row] = await cluster.primary.query('SELECT count(*)::int FROM thing');
      expect([next.body, next.nodes]).toEqual([row, ['primary']]);
    });
    if (way.endsWith('left open')) {
      // Nobody knows what will come of it.
      expect((await app.get('/count', session)).reasons).toEqual(['session-unknown']);
      return;
    }
    // By a position, not for a time.
    const back = await app.getUntil('/count', session, ({ nodes }) => nodes[0] !== 'primary');
    expect(back.reasons).toEqual(['session-replayed']);
  });
});
