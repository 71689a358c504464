import { LockMode, MikroORM, defineEntity, p, type EntityManager } from '@mikro-orm/postgresql';
import { PostgresDialect } from 'kysely';
import type { ItemStatements, Orm, OrmUnderTest } from './orm.js';
import { Cursor } from './pg-cursor.js';

const Item = defineEntity({
  name: 'Item',
  tableName: 'item',
  properties: { id: p.integer().primary(), value: p.integer() },
});

function statements(em: EntityManager): ItemStatements {
  return {
    // `disableIdentityMap`: otherwise an entity manager answers from what it has loaded before.
    find: async (id) => (await em.findOne(Item, id, { disableIdentityMap: true }))?.value,
    update: (id, value) => em.nativeUpdate(Item, { id }, { value }),
    insert: (id, value) => em.insert(Item, { id, value }),
    async lock(id) {
      const lockMode = LockMode.PESSIMISTIC_WRITE;
      if (em.isInTransaction())
        return (await em.findOne(Item, id, { lockMode, disableIdentityMap: true }))?.value;
      const rows = await em.execute<{ value: number }[]>('SELECT value FROM item WHERE id = ? FOR UPDATE', [
        id,
      ]);
      return rows[0]?.value;
    },
  };
}

export const MIKRO_ORM: OrmUnderTest = {
  name: 'MikroORM 7.2',
  async open(pool): Promise<Orm> {
    const orm = await MikroORM.init({
      entities: [Item],
      dbName: 'postgres',
      // Its own connections would be those of another pool.
      driverOptions: new PostgresDialect({ pool, cursor: Cursor }),
    });
    const fork = (): ItemStatements => statements(orm.em.fork());
    return {
      find: (id) => fork().find(id),
      update: (id, value) => fork().update(id, value),
      insert: (id, value) => fork().insert(id, value),
      lock: (id) => fork().lock(id),
      async *stream(from, to) {
        const where = { id: { $gte: from, $lte: to } };
        for await (const { value } of orm.em.fork().stream(Item, { where, orderBy: { id: 'asc' } }))
          yield value;
      },
      transaction: (work) => orm.em.fork().transactional((inside) => work(statements(inside))),
      // Ends the pool, too.
      close: () => orm.close(),
    };
  },
};
