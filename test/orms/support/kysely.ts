import { Kysely, PostgresDialect } from 'kysely';
import type { ItemStatements, Orm, OrmUnderTest } from './orm.js';
import { Cursor } from './pg-cursor.js';

interface Tables {
  readonly item: { id: number; value: number };
}

function statements(db: Kysely<Tables>): ItemStatements {
  const byId = (id: number) => db.selectFrom('item').select('value').where('id', '=', id);
  return {
    find: async (id) => (await byId(id).executeTakeFirst())?.value,
    update: (id, value) => db.updateTable('item').set({ value }).where('id', '=', id).execute(),
    insert: (id, value) => db.insertInto('item').values({ id, value }).execute(),
    lock: async (id) => (await byId(id).forUpdate().executeTakeFirst())?.value,
  };
}

export const KYSELY: OrmUnderTest = {
  name: 'Kysely 0.28',
  open(pool): Orm {
    const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool, cursor: Cursor }) });
    return {
      ...statements(db),
      transaction: (work) => db.transaction().execute((inside) => work(statements(inside))),
      async *stream(from, to) {
        const items = db.selectFrom('item').select('value').orderBy('id');
        for await (const { value } of items.where('id', '>=', from).where('id', '<=', to).stream(10))
          yield value;
      },
    };
  },
};
