import { type DatabaseType, familyOf, MYSQL } from '../options/database-type.js';
import type { DatabaseKind } from './database-kind.js';
import { MYSQL_KIND } from './mysql-kind.js';
import { POSTGRES_KIND } from './postgres-kind.js';

/** The kind of database that TypeORM calls by this type. */
export function kindOf(type: DatabaseType): DatabaseKind {
  return familyOf(type) === MYSQL ? MYSQL_KIND : POSTGRES_KIND;
}
