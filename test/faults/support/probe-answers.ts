import type { PostgresNode } from 'nestjs-replica/testing';
import type { Fault } from './fault-list.js';

/** How far the server has replayed, as the library's monitor asks it. */
const PROBED = 'pg_last_wal_replay_lsn';

/** Applications that come with this find our functions before PostgreSQL's own. */
const SEARCH_PATH = '?options=-c%20search_path%3Dshadow%2Cpg_catalog%2Cpublic';

/**
 * What a node answers to its monitor can be told from outside: a function of the same name that asks a table, which is
 * changed on the primary and replicated like any other. No other statement calls it.
 */
const SHADOW_SQL = `
  CREATE SCHEMA shadow;
  CREATE TABLE shadow.answers (node text PRIMARY KEY, answer text NOT NULL);
  CREATE FUNCTION shadow.${PROBED}() RETURNS pg_lsn LANGUAGE plpgsql AS $$
  BEGIN
    CASE (SELECT answer FROM shadow.answers WHERE node = current_setting('cluster_name'))
      WHEN 'null' THEN RETURN NULL;
      WHEN 'late' THEN PERFORM pg_sleep(30); RETURN pg_catalog.${PROBED}();
      ELSE RETURN pg_catalog.${PROBED}();
    END CASE;
  END $$`;

/** A fault of the probe alone: the node is well and serves everybody else. */
export function probeAnswers(answer: 'null' | 'late'): Fault {
  return {
    onlyOn: 'postgres',
    notice: 'down',
    urlQuery: SEARCH_PATH,
    notForTypeOrm: 'it has no probes',
    setUp: (primary: PostgresNode) => primary.query(SHADOW_SQL),
    inject: async ({ stage: { primary, victim } }) => {
      await primary.query('INSERT INTO shadow.answers VALUES ($1, $2)', [victim.name, answer]);
      return () => primary.query('DELETE FROM shadow.answers');
    },
  };
}
