import 'reflect-metadata';
import { setTimeout as sleep } from 'node:timers/promises';
import { ReplicaDataSource } from 'nestjs-replica';
import pg from 'pg';
import { DataSource } from 'typeorm';
import { forDatabase, NODE_NAME_SQL, TEST_DATABASE } from '../../support/cluster/test-database.js';
import { checkItem, checkShelf, Item, ITEM_COLUMNS, Shelf } from './items.js';
import { benchSessionKey, Requests } from './requests.js';
import type { ClusterAddress } from './servers.js';

/** The ways to read that are compared. */
export const READ_SYSTEMS = [
  'nestjs-replica',
  'nestjs-replica-no-lanes',
  'typeorm-replication',
  'primary-only',
  'pg-pool',
  'pgpool-II',
] as const;
export type ReadSystemName = (typeof READ_SYSTEMS)[number];

export const OURS: ReadSystemName = 'nestjs-replica';

/** One way to read. Each answer is checked, and a wrong one is an error. */
export interface ReadSystem {
  /** One item by its key. */
  point(id: number): Promise<void>;
  /** The items of a shelf, with their shelf. */
  join(shelfId: number): Promise<void>;
  /** One item that the server is slow to return. Resolves to the name of the node that answered. */
  slow(id: number, seconds: number): Promise<string>;
  close(): Promise<void>;
}

export interface ReadSystemOptions {
  readonly system: ReadSystemName;
  readonly cluster: ClusterAddress;
  /**
   * Connections per node that serves. A system with one pool for all nodes gets the same total: TypeORM on the primary alone gets
   * this number times the number of replicas, and pgpool-II gets as many clients, each with a connection of its own to
   * every node.
   */
  readonly poolSize: number;
}

/** The number of sessions that reads belong to in turn. Each read has a request of its own. */
const SESSIONS = 10_000;

/** Both databases take all options that are used here. */
const TYPE = TEST_DATABASE as 'postgres';

const SLEEP = forDatabase({ postgres: 'pg_sleep', mariadb: 'SLEEP' });

type Within = <T>(read: () => Promise<T>) => Promise<T>;

export async function openReadSystem(options: ReadSystemOptions): Promise<ReadSystem> {
  const { system, cluster, poolSize } = options;
  const replicas = cluster.replicas.map(({ url }) => url);
  const allOnOne = poolSize * replicas.length;
  switch (system) {
    case 'pg-pool':
      return readThroughPools(replicas, poolSize);
    case 'primary-only':
      return openTypeOrm({ url: cluster.primaryUrl, poolSize: allOnOne });
    case 'pgpool-II':
      return openTypeOrm({ url: cluster.pooler?.url, poolSize: allOnOne });
    case 'typeorm-replication':
      return openTypeOrm({
        replication: { master: { url: cluster.primaryUrl }, slaves: replicas.map((url) => ({ url })) },
        poolSize,
      });
    default:
      return openOurs(options);
  }
}

async function openTypeOrm(options: object): Promise<ReadSystem> {
  const source = new DataSource({ type: TYPE, entities: [Item, Shelf], ...options });
  return readThroughRepository(await source.initialize(), (read) => read());
}

async function openOurs({ system, cluster, poolSize }: ReadSystemOptions): Promise<ReadSystem> {
  const source = await new ReplicaDataSource({
    type: TYPE,
    entities: [Item, Shelf],
    poolSize,
    primary: { url: cluster.primaryUrl },
    replicas: cluster.replicas,
    session: { key: benchSessionKey },
    lanes: system !== 'nestjs-replica-no-lanes',
  }).initialize();
  while (source.router.topology().replicas.some(({ lagMs }) => lagMs === null)) await sleep(5);
  const requests = new Requests(source);
  let turn = 0;
  return readThroughRepository(source, (read) => requests.run('GET', `session-${turn++ % SESSIONS}`, read));
}

function readThroughRepository(source: DataSource, within: Within): ReadSystem {
  const items = source.getRepository(Item);
  return {
    point: async (id) => checkItem(await within(() => items.findOneBy({ id })), id),
    join: async (shelfId) => {
      const found = await within(() => items.find({ where: { shelfId }, relations: { shelf: true } }));
      checkShelf(
        found.map((item) => Object.assign(item, { label: item.shelf.label })),
        shelfId,
      );
    },
    slow: async (id, seconds) => {
      const row = await within(() =>
        items
          .createQueryBuilder('item')
          .select('item.id', 'id')
          .addSelect(forDatabase(NODE_NAME_SQL), 'node')
          .addSelect(`${SLEEP}(${seconds})`, 'slept')
          .where('item.id = :id', { id })
          .getRawOne<{ id: number; node: string }>(),
      );
      return nodeOf(row, id);
    },
    close: () => source.destroy(),
  };
}

/** What `pg` itself can do: one pool for each replica, in turn, and no mapper. */
function readThroughPools(urls: readonly string[], max: number): ReadSystem {
  const pools = urls.map((connectionString) => new pg.Pool({ connectionString, max }));
  let turn = 0;
  const query = async <Row extends object>(text: string, id: number): Promise<Row[]> => {
    const pool = pools[turn++ % pools.length] as pg.Pool;
    return (await pool.query<Row>(text, [id])).rows;
  };
  return {
    point: async (id) => {
      const [row] = await query<Item>(`SELECT ${ITEM_COLUMNS} FROM item WHERE id = $1`, id);
      checkItem(row, id);
    },
    join: async (shelfId) =>
      checkShelf(
        await query(
          `SELECT item.*, shelf.label FROM item JOIN shelf ON shelf.id = item."shelfId" WHERE "shelfId" = $1`,
          shelfId,
        ),
        shelfId,
      ),
    slow: async (id, seconds) => {
      const [row] = await query<{ id: number; node: string }>(
        `SELECT id, current_setting('cluster_name') AS node, pg_sleep(${seconds}) AS slept FROM item WHERE id = $1`,
        id,
      );
      return nodeOf(row, id);
    },
    close: async () => {
      await Promise.all(pools.map((pool) => pool.end()));
    },
  };
}

function nodeOf(row: { id: number; node: string } | undefined, id: number): string {
  if (row?.id !== id) throw new Error(`a wrong answer for item ${id}: ${JSON.stringify(row)}`);
  return row.node;
}
