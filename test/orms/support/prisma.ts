import { PrismaPg } from '@prisma/adapter-pg';
import { prismaExtension, type RoutingPool } from 'nestjs-replica/pool';
import type { ItemStatements, Orm, OrmUnderTest } from './orm.js';
import { PrismaClient } from './prisma/client/client.js';

export const prismaOn = (pool: RoutingPool) =>
  new PrismaClient({ adapter: new PrismaPg(pool) }).$extends(prismaExtension(pool));

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
    return {
      ...statements(db),
      transaction: (work) => db.$transaction((inside) => work(statements(inside))),
      close: () => db.$disconnect(),
    };
  },
};
