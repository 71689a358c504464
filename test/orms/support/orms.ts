import { DRIZZLE } from './drizzle.js';
import { KNEX, OBJECTION } from './knex.js';
import { KYSELY } from './kysely.js';
import { MIKRO_ORM } from './mikro-orm.js';
import type { OrmUnderTest } from './orm.js';
import { PRISMA } from './prisma.js';

export const ORMS: readonly OrmUnderTest[] = [DRIZZLE, KYSELY, PRISMA, KNEX, OBJECTION, MIKRO_ORM];
