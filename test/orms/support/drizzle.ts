import { and, asc, eq, gte, lte, sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { integer, pgTable } from 'drizzle-orm/pg-core';
import type { ItemStatements, Orm, OrmUnderTest } from './orm.js';

const item = pgTable('item', { id: integer().primaryKey(), value: integer().notNull() });

type Database = Pick<NodePgDatabase, 'select' | 'update' | 'insert'>;

function statements(db: Database): ItemStatements {
  const byId = (id: number) => db.select({ value: item.value }).from(item).where(eq(item.id, id));
  return {
    find: async (id) => (await byId(id))[0]?.value,
    update: (id, value) => db.update(item).set({ value }).where(eq(item.id, id)),
    insert: (id, value) => db.insert(item).values({ id, value }),
    lock: async (id) => (await byId(id).for('update'))[0]?.value,
  };
}

export const DRIZZLE: OrmUnderTest = {
  name: 'Drizzle 0.45',
  open(pool): Orm {
    const db = drizzle({ client: pool });
    const prepared = db
      .select({ value: item.value })
      .from(item)
      .where(and(gte(item.id, sql.placeholder('id')), lte(item.id, sql.placeholder('id'))))
      .orderBy(asc(item.id))
      .prepare('item_by_id');
    return {
      ...statements(db),
      transaction: (work) => db.transaction((inside) => work(statements(inside))),
      findPrepared: async (id) => (await prepared.execute({ id }))[0]?.value,
    };
  },
};
