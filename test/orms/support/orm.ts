import type { RoutingPool } from 'nestjs-replica/pool';

/** The statements of the scenarios on one table: `item (id int PRIMARY KEY, value int NOT NULL)`. */
export interface ItemStatements {
  /** The value of an item. */
  find(id: number): Promise<number | undefined>;
  update(id: number, value: number): PromiseLike<unknown>;
  insert(id: number, value: number): PromiseLike<unknown>;
  /** As `find`, with `FOR UPDATE`. */
  lock(id: number): Promise<number | undefined>;
}

/** What a library does with the table of items. */
export interface Orm extends ItemStatements {
  transaction<T>(work: (inside: ItemStatements) => Promise<T>): Promise<T>;
  /** The values of the items of these ids, one after the other as they come. Absent: the library has no streams. */
  readonly stream?: (from: number, to: number) => AsyncIterable<number>;
  /** As `find`, as a prepared statement that is named by the application. Absent: the library lets nobody name one. */
  readonly findPrepared?: (id: number) => Promise<number | undefined>;
  /** Ends what the library holds, but not the pool. */
  close?(): Promise<void>;
}

/** One library on a routing pool. */
export interface OrmUnderTest {
  /** Name and version. */
  readonly name: string;
  open(pool: RoutingPool): Orm | Promise<Orm>;
}
