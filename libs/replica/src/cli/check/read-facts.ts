import { POSTGRES, type DatabaseFamily } from '../../options/database-type.js';
import type { Query } from '../node-connection.js';
import { readMysqlFacts } from './mysql-facts.js';
import type { NodeFacts } from './node-facts.js';
import { readPostgresFacts } from './postgres-facts.js';

/** Asks a server for its facts. Rejects if it does not answer. */
export function readFacts(
  family: DatabaseFamily,
  query: Query,
  role: 'primary' | 'replica',
): Promise<NodeFacts> {
  return family === POSTGRES ? readPostgresFacts(query, role) : readMysqlFacts(query, role);
}
