import { POSTGRES, type DatabaseFamily } from '../../options/database-type.js';
import type { Query } from '../node-connection.js';
import { readMysqlStatistics } from './mysql-statistics.js';
import { readPostgresStatistics } from './postgres-statistics.js';
import type { StatementStatistics } from './statement-statistics.js';

/** Reads what the server has counted in the current database. Throws a `CommandError` where it counts nothing, or the user may not see it. */
export function readStatistics(family: DatabaseFamily, query: Query): Promise<StatementStatistics> {
  return family === POSTGRES ? readPostgresStatistics(query) : readMysqlStatistics(query);
}
