import { Controller, Get, Param, ParseIntPipe, Put } from '@nestjs/common';
import { DataSourceRouter, UseReplica } from 'nestjs-replica';
import { DataSource } from 'typeorm';
import { REGISTERS, type Registers, type Row as RegisterRow } from './registers.js';

interface Row extends RegisterRow {
  /** Where it is not the request that says so: whether it was written. */
  readonly kind?: 'read' | 'write';
  /** What the same request was told before. */
  readonly before?: number;
}

/** Ways to read registers, to write them, and to be told of them by other means. */
@Controller('registers/:key')
export class RegisterController {
  /** When the answers to cached reads were made. */
  readonly #madeAt = new Set<string>();
  readonly #registers: Registers;

  constructor(
    private readonly dataSource: DataSource,
    private readonly router: DataSourceRouter,
  ) {
    this.#registers = REGISTERS[dataSource.options.type === 'mariadb' ? 'mariadb' : 'postgres'];
  }

  @Get()
  async read(@Param('key', ParseIntPipe) key: number): Promise<Row | undefined> {
    const rows = await this.dataSource.query<Row[]>(this.#registers.readSql, [key]);
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
      .where('register.id = :key', { key })
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
    return this.dataSource.transaction((manager) => this.#registers.increment(manager, key));
  }

  /** The rows of the write come as a stream. */
  @Put('stream')
  async stream(@Param('key', ParseIntPipe) key: number): Promise<Row | undefined> {
    const runner = this.dataSource.createQueryRunner();
    try {
      return await this.#registers.stream(runner, key);
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
      const row = await this.#registers.increment(runner.manager, key);
      await runner.rollbackTransaction();
      return row && { ...row, value: row.value - 1 };
    } finally {
      await runner.release();
    }
  }

  /** An error that tells the value. */
  @Put('raised')
  async raised(@Param('key', ParseIntPipe) key: number): Promise<Row> {
    const error: unknown = await this.dataSource.query(this.#registers.tellSql, [key]).catch(String);
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
    const row = await this.#registers.incrementFrom(this.dataSource.manager, key, version);
    return row === undefined
      ? { kind: 'read', value: version + 1, node: 'the primary' }
      : { ...row, kind: 'write' };
  }
}
