import knex, { type Knex } from 'knex';
import { Model, type Transaction } from 'objection';
import { knexPool, type RoutingPool } from 'nestjs-replica/pool';
import type { ItemStatements, Orm, OrmUnderTest } from './orm.js';

interface ItemRow {
  readonly id: number;
  readonly value: number;
}

const knexOn = (pool: RoutingPool): Knex => knex({ client: 'pg', connectionPool: knexPool(pool) });

function knexStatements(db: Knex): ItemStatements {
  const byId = (id: number) => db<ItemRow>('item').select('value').where({ id });
  return {
    find: async (id) => (await byId(id).first())?.value,
    update: (id, value) => db<ItemRow>('item').where({ id }).update({ value }),
    insert: (id, value) => db<ItemRow>('item').insert({ id, value }),
    lock: async (id) => (await byId(id).forUpdate().first())?.value,
  };
}

export const KNEX: OrmUnderTest = {
  name: 'Knex 3.3',
  open(pool): Orm {
    const db = knexOn(pool);
    return {
      ...knexStatements(db),
      transaction: (work) => db.transaction((inside) => work(knexStatements(inside))),
      async *stream(from, to) {
        const items = db<ItemRow>('item').select('value').whereBetween('id', [from, to]).orderBy('id');
        for await (const { value } of items.stream() as AsyncIterable<ItemRow>) yield value;
      },
      close: () => db.destroy(),
    };
  },
};

class Item extends Model {
  static override readonly tableName = 'item';
  declare id: number;
  declare value: number;
}

function objectionStatements(Items: typeof Item, inside?: Transaction): ItemStatements {
  return {
    find: async (id) => (await Items.query(inside).findById(id))?.value,
    update: (id, value) => Items.query(inside).findById(id).patch({ value }),
    insert: (id, value) => Items.query(inside).insert({ id, value }),
    lock: async (id) => (await Items.query(inside).findById(id).forUpdate())?.value,
  };
}

export const OBJECTION: OrmUnderTest = {
  name: 'Objection 3.1',
  open(pool): Orm {
    const db = knexOn(pool);
    const Items = Item.bindKnex(db);
    return {
      ...objectionStatements(Items),
      transaction: (work) => Items.transaction((inside) => work(objectionStatements(Items, inside))),
      close: () => db.destroy(),
    };
  },
};
