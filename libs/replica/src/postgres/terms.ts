import type { DatabaseTerms } from '../topology/monitor-settings.js';

/** PostgreSQL's words, for the problems that operators read. */
export const POSTGRES_TERMS: DatabaseTerms = {
  epoch: 'timeline',
  readOnly: 'in recovery (a standby)',
  identityRemedy: 'GRANT EXECUTE ON FUNCTION pg_control_system() to the user of each node',
};
