import { familyOf, POSTGRES } from '../../options/database-type.js';
import { checkAurora as checkAuroraMysql } from '../../mysql/aurora-check.js';
import { checkAurora as checkAuroraPostgres } from '../../postgres/aurora-check.js';
import { withConnection } from '../node-connection.js';
import type { Source } from '../source.js';
import type { Finding } from './check-report.js';

/**
 * Whether Aurora tells what the library assumes, which nobody could try on a real one. Asks the primary and the first replica. Empty if it is
 * not Aurora. Nodes that do not answer are no matter of Aurora's, and are told elsewhere.
 */
export async function auroraFindings(source: Source, timeoutMs: number): Promise<readonly Finding[]> {
  const { database, options, primary } = source;
  const [replica] = source.replicas;
  if (replica === undefined) return [];
  const checkAurora = familyOf(options.type) === POSTGRES ? checkAuroraPostgres : checkAuroraMysql;
  try {
    const findings = await withConnection({ database, node: primary, timeoutMs }, (writer) =>
      withConnection({ database, node: replica, timeoutMs }, (reader) => checkAurora(writer, reader)),
    );
    const differences = findings.filter(({ isAsAssumed }) => !isAsAssumed);
    if (findings.length > 0 && differences.length === 0) return [AS_ASSUMED];
    return differences.map(({ text }) => ({
      level: 'warning',
      node: null,
      message: `this is Aurora, and it does not tell what the library assumes: ${text}`,
      remedy: 'docs/endpoints.md says what then holds; please report it',
    }));
  } catch {
    return [];
  }
}

const AS_ASSUMED: Finding = {
  level: 'hint',
  node: null,
  message: 'this is Aurora, and it tells what the library assumes',
};
