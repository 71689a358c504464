import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { startPostgresCluster, type PostgresCluster } from 'nestjs-replica/testing';
import { DataSource } from 'typeorm';
import { startApp, type TestApp } from '../../support/test-app.js';

const WRITERS = 16;
const course = { isOver: false };
let work: Promise<unknown> = Promise.resolve();

@Controller()
class CounterController {
  constructor(private readonly dataSource: DataSource) {}

  readonly #write = async (id: number): Promise<void> => {
    while (!course.isOver)
      await this.dataSource.query('UPDATE counter SET value = value + 1 WHERE id = $1', [id]);
  };

  /** The response leaves, and its writers go on. */
  @Post('begin')
  begin(): object {
    work = Promise.all(Array.from({ length: WRITERS }, (_, id) => this.#write(id)));
    return {};
  }

  @Get('sum')
  async sum(): Promise<object> {
    const [row] = await this.dataSource.query('SELECT sum(value)::int AS sum FROM counter');
    return row;
  }
}

describe('a session that writes in the background', () => {
  let cluster: PostgresCluster;
  let app: TestApp;

  beforeAll(async () => {
    cluster = await startPostgresCluster({ replicas: 2 });
    await cluster.primary.query(`
      CREATE TABLE counter (id int PRIMARY KEY, value int NOT NULL);
      INSERT INTO counter SELECT n, 0 FROM generate_series(0, ${WRITERS - 1}) n;
    `);
    app = await startApp(cluster, [CounterController], { lanes: false, poolSize: 2 * WRITERS });
    await cluster.waitForCatchUp();
  });
  afterAll(async () => {
    course.isOver = true;
    await work;
    await app?.close();
    await cluster?.stop();
  });

  it('reads meanwhile, never back in time', async () => {
    await app.post('/begin', 'busy');
    let last = 0;
    for (let count = 0; count < 6; count++) {
      const { status, body } = await app.get('/sum', 'busy');
      expect([status, body.sum >= last]).toEqual([200, true]);
      last = body.sum;
    }
    expect(last).toBeGreaterThan(0);
  }, 30_000);
});
