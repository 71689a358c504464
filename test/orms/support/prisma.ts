import { PrismaPg } from '@prisma/adapter-pg';
import { createHash } from 'node:crypto';
import { prismaExtension, type RoutingPool } from 'nestjs-replica/pool';
import type { ItemStatements, Orm, OrmUnderTest } from './orm.js';
import { PrismaClient } from './prisma/client/client.js';

type AdapterOptions = ConstructorParameters<typeof PrismaPg>[1];

export const prismaOn = (pool: RoutingPool, options?: AdapterOptions) =>
  new PrismaClient({ adapter: new PrismaPg(pool, options) }).$extends(prismaExtension(pool));

const NAMED: AdapterOptions = {
  statementNameGenerator: ({ sql }) => createHash('sha1').update(sql).digest('hex'),
};

/** The client, and the one inside a transaction. */
type Client = Pick<ReturnType<typeof prismaOn>, 'item' | '$queryRaw'>;

function statements(db: Client): ItemStatements {
  return {
    find: async (id) => (await db.item.findUnique({ where: { id } }))?.value,
    update: (id, value) => db.item.update({ where: { id }, data: { value } }),
    insert: (id, value) => db.item.create({ data: { id, value } }),
    // Prisma has no locks of its own.
    lock: async (id) =>
      (await db.$queryRaw<{ value: number }[]>`SELECT value FROM item WHERE id = ${id} FOR UPDATE`)[0]?.value,
  };
}

export const PRISMA: OrmUnderTest = {
  name: 'Prisma 7.10',
  open(pool): Orm {
    const db = prismaOn(pool);
    const named = prismaOn(pool, NAMED);
    return {
      ...statements(db),
      transaction: (work) => db.$transaction((inside) => work(statements(inside))),
      findPrepared: (id) => statements(named).find(id),
      async close() {
        await Promise.all([db.$disconnect(), named.$disconnect()]);
      },
    };
  },
};
