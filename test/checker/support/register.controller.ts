import { Controller, Get, Param, ParseIntPipe, Put } from '@nestjs/common';
import { DataSourceRouter, UseReplica } from 'nestjs-replica';
import type { PoolClient } from 'pg';
import QueryStream from 'pg-query-stream';
import { DataSource, type EntityManager } from 'typeorm';

/** What somebody was told of a register, and who told it. */
interface Row {
  readonly value: number;
  readonly node: string;
  /** Where it is not the request that says so: whether it was written. */
  readonly kind?: 'read' | 'write';
  /** What the same request was told before. */
  readonly before?: number;
}

const NODE = `current_setting('cluster_name') AS node`;
const INCREMENT = `UPDATE register SET value = value + 1 WHERE key = $1`;

/** Ways to read registers, to write them, and to be told of them by other means. */
@Controller('registers/:key')
export class RegisterController {
  /** When the answers to cached reads were made. */
  readonly #madeAt = new Set<string>();

  constructor(
    private readonly dataSource: DataSource,
    private readonly router: DataSourceRouter,
  ) {}

  @Get()
  async read(@Param('key', ParseIntPipe) key: number): Promise<Row | undefined> {
    const rows = await this.dataSource.query<Row[]>(`SELECT value, ${NODE} FROM register WHERE key = $1`, [
      key,
    ]);
    return rows[0];
  }

  /** As any other replica would answer: the session moves there. */
  @Get('on/:replica')
  readOn(
    @Param('key', ParseIntPipe) key: number,
    @Param('replica') replica: string,
  ): Promise<Row | undefined> {
    return this.router.runOnReplica({ replica }, () => this.read(key));
  }

  /** An answer that was given before came from the cache. */
  @Get('cached')
  async readCached(@Param('key', ParseIntPipe) key: number): Promise<Row | undefined> {
    const row = await this.dataSource
      .createQueryBuilder()
      .select('register.value', 'value')
      .addSelect(`current_setting('cluster_name')`, 'node')
      .addSelect('now()::text', 'at')
      .from('register', 'register')
      .where('register.key = :key', { key })
      .cache(200)
      .getRawOne<Row & { at: string }>();
    if (row === undefined) return undefined;
    const { value, node, at } = row;
    const isCached = this.#madeAt.has(at);
    this.#madeAt.add(at);
    return { value, node: isCached ? 'the cache' : node };
  }

  @Put()
  async write(@Param('key', ParseIntPipe) key: number): Promise<Row | undefined> {
    return this.dataSource.transaction((manager) => this.#increment(manager, key));
  }

  /** The rows of the write come as a stream. */
  @Put('stream')
  async stream(@Param('key', ParseIntPipe) key: number): Promise<Row | undefined> {
    const runner = this.dataSource.createQueryRunner();
    try {
      const client = (await runner.connect()) as PoolClient;
      let row: Row | undefined;
      const rows = client.query(new QueryStream(`${INCREMENT} RETURNING value, ${NODE}`, [key]));
      for await (const one of rows as AsyncIterable<Row>) row = one;
      // The last row comes before the write is committed.
      await client.query('SELECT 1');
      return row;
    } finally {
      await runner.release();
    }
  }

  /** Shows what was there before, and takes back what it did. */
  @Put('rolled-back')
  async rolledBack(@Param('key', ParseIntPipe) key: number): Promise<Row | undefined> {
    const runner = this.dataSource.createQueryRunner();
    try {
      await runner.startTransaction();
      const row = await this.#increment(runner.manager, key);
      await runner.rollbackTransaction();
      return row && { ...row, value: row.value - 1 };
    } finally {
      await runner.release();
    }
  }

  /** An error that tells the value. */
  @Put('raised')
  async raised(@Param('key', ParseIntPipe) key: number): Promise<Row> {
    const error: unknown = await this.dataSource.query('SELECT tell_register($1)', [key]).catch(String);
    const [, value] = /register has (\d+)/.exec(String(error)) ?? [];
    if (value === undefined) throw new Error(String(error));
    return { value: Number(value), node: 'the primary' };
  }

  /** The row is there, as the primary says; so a replica has to show it. */
  @Put('get-or-create')
  @UseReplica()
  async getOrCreate(@Param('key', ParseIntPipe) key: number): Promise<Row | undefined> {
    const { value: before } = await this.raised(key);
    const row = await this.read(key);
    return row && { ...row, before };
  }

  /** An optimistic lock: where the register has moved on, its client knows that it is past `version`. */
  @Put('lock/:version')
  async lock(
    @Param('key', ParseIntPipe) key: number,
    @Param('version', ParseIntPipe) version: number,
  ): Promise<Row> {
    const [rows] = await this.dataSource.query<[Row[], number]>(
      `${INCREMENT} AND value = $2 RETURNING value, ${NODE}`,
      [key, version],
    );
    return rows[0] === undefined
      ? { kind: 'read', value: version + 1, node: 'the primary' }
      : { ...rows[0], kind: 'write' };
  }

  async #increment(manager: EntityManager, key: number): Promise<Row | undefined> {
    const [rows] = await manager.query<[Row[], number]>(`${INCREMENT} RETURNING value, ${NODE}`, [key]);
    return rows[0];
  }
}
