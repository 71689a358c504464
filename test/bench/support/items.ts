import type { DatabaseCluster } from 'nestjs-replica/testing';
import { forDatabase, NODE_NAME_FUNCTION_SQL, TEST_DATABASE } from '../../support/cluster/test-database.js';
import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, type Relation } from 'typeorm';

export const ITEMS = 10_000;
export const ITEMS_PER_SHELF = 20;
export const SHELVES = ITEMS / ITEMS_PER_SHELF;

@Entity()
export class Shelf {
  @PrimaryColumn()
  id!: number;

  @Column()
  label!: string;
}

/** A row of 8 columns. */
@Entity()
export class Item {
  @PrimaryColumn()
  id!: number;

  @Column()
  name!: string;

  @Column()
  sku!: string;

  @Column()
  price!: number;

  @Column()
  stock!: number;

  @Column()
  active!: boolean;

  @Column(forDatabase({ postgres: 'timestamptz', mariadb: 'datetime' }))
  createdAt!: Date;

  @Column()
  shelfId!: number;

  @ManyToOne(() => Shelf)
  @JoinColumn({ name: 'shelfId' })
  shelf!: Relation<Shelf>;
}

export const ITEM_COLUMNS = '"id", "name", "sku", "price", "stock", "active", "createdAt", "shelfId"';

/** Makes the tables and fills them. */
export function fillItems(cluster: DatabaseCluster): Promise<void> {
  return TEST_DATABASE === 'mariadb' ? fillMariadb(cluster) : fillPostgres(cluster);
}

async function fillPostgres(cluster: DatabaseCluster): Promise<void> {
  const { primary } = cluster;
  await primary.query('CREATE TABLE shelf (id int PRIMARY KEY, label varchar NOT NULL)');
  await primary.query(`INSERT INTO shelf SELECT n, 'shelf ' || n FROM generate_series(1, ${SHELVES}) n`);
  await primary.query(
    `CREATE TABLE item (id int PRIMARY KEY, name varchar NOT NULL, sku varchar NOT NULL, price int NOT NULL,
      stock int NOT NULL, active boolean NOT NULL, "createdAt" timestamptz NOT NULL,
      "shelfId" int NOT NULL REFERENCES shelf)`,
  );
  await primary.query(
    `INSERT INTO item SELECT n, 'item ' || n, 'SKU-' || n, n * 3, n % 100, n % 2 = 0, to_timestamp(n),
      1 + (n - 1) / ${ITEMS_PER_SHELF} FROM generate_series(1, ${ITEMS}) n`,
  );
  await primary.query('CREATE INDEX ON item ("shelfId")');
  await primary.query('VACUUM ANALYZE');
  await cluster.waitForCatchUp();
}

async function fillMariadb(cluster: DatabaseCluster): Promise<void> {
  const { primary } = cluster;
  await primary.query('CREATE TABLE shelf (id int PRIMARY KEY, label varchar(40) NOT NULL)');
  await primary.query(`INSERT INTO shelf SELECT seq, CONCAT('shelf ', seq) FROM seq_1_to_${SHELVES}`);
  await primary.query(
    `CREATE TABLE item (id int PRIMARY KEY, name varchar(40) NOT NULL, sku varchar(40) NOT NULL, price int NOT NULL,
      stock int NOT NULL, active boolean NOT NULL, createdAt datetime NOT NULL, shelfId int NOT NULL, INDEX (shelfId))`,
  );
  await primary.query(
    `INSERT INTO item SELECT seq, CONCAT('item ', seq), CONCAT('SKU-', seq), seq * 3, seq % 100, seq % 2 = 0,
      FROM_UNIXTIME(seq), 1 + (seq - 1) DIV ${ITEMS_PER_SHELF} FROM seq_1_to_${ITEMS}`,
  );
  await primary.query(NODE_NAME_FUNCTION_SQL);
  await cluster.waitForCatchUp();
}

/** Throws unless the row is the one of this number, in each column. */
export function checkItem(item: Omit<Item, 'shelf'> | null | undefined, id: number): void {
  const isRight =
    item?.id === id &&
    item.name === `item ${id}` &&
    item.sku === `SKU-${id}` &&
    item.price === id * 3 &&
    item.stock === id % 100 &&
    item.active === (id % 2 === 0) &&
    item.createdAt.getTime() === id * 1000 &&
    item.shelfId === shelfOf(id);
  if (!isRight) throw new Error(`a wrong answer for item ${id}: ${JSON.stringify(item)}`);
}

/** Throws unless these are all items of the shelf, each with its shelf's label. */
export function checkShelf(
  items: readonly (Omit<Item, 'shelf'> & { label: string })[],
  shelfId: number,
): void {
  const ids = new Set(items.map(({ id }) => id));
  if (items.length !== ITEMS_PER_SHELF || ids.size !== ITEMS_PER_SHELF)
    throw new Error(`${items.length} items of ${ids.size} numbers on shelf ${shelfId}`);
  for (const item of items) {
    checkItem(item, item.id);
    if (item.shelfId !== shelfId || item.label !== `shelf ${shelfId}`)
      throw new Error(`item ${item.id} of ${item.label} is on shelf ${shelfId}`);
  }
}

/** A number from 1 to `count`, spread over all of them as n grows. */
export function spread(n: number, count: number): number {
  return 1 + ((n * 7919) % count);
}

function shelfOf(id: number): number {
  return 1 + Math.floor((id - 1) / ITEMS_PER_SHELF);
}
