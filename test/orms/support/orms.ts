import { DRIZZLE } from './drizzle.js';
import { KNEX, OBJECTION } from './knex.js';
import { KYSELY } from './kysely.js';
import type { OrmUnderTest } from './orm.js';

export const ORMS: readonly OrmUnderTest[] = [DRIZZLE, KYSELY, KNEX, OBJECTION];
