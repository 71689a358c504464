import type { DatabaseTerms } from '../topology/monitor-settings.js';

/** The words of MariaDB and MySQL, for the problems that operators read. */
export const MYSQL_TERMS: DatabaseTerms = {
  epoch: 'term',
  readOnly: 'read-only (read_only=1)',
  identityRemedy: 'all nodes have to be of one kind, MariaDB or MySQL',
};
