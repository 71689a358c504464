import { ConnectedProbe } from '../execution/probes/connected-probe.js';
import { ProbeConnector, type OpenProbeLink } from '../execution/probes/probe-connector.js';
import { runProbeFunction, type ProbeSubject } from '../execution/run-probe-function.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import type { ProbeResult } from '../topology/node-probe.js';
import type { ProbeFunction } from '../topology/probe-function.js';
import { isConnectionLoss } from './error-kinds.js';
import type { ProbeConnection } from './probe-connection.js';
import { NodeQuestion } from './probe-statement.js';

interface PostgresProbeOptions {
  /** The user's own probe; it runs after the built-in one, within the same time limit. */
  readonly subject?: ProbeSubject;
  /** Called with each answer. If it throws, the probe has failed. */
  readonly answered?: (result: ProbeResult) => void;
}

/** Probes a PostgreSQL node on its own connection. */
export class PostgresProbe extends ConnectedProbe<ProbeConnection> {
  constructor(
    openLink: OpenProbeLink<ProbeConnection>,
    { subject, answered = () => undefined }: PostgresProbeOptions = {},
  ) {
    const question = new NodeQuestion();
    super(new ProbeConnector(openLink), {
      isConnectionLoss,
      ask: async (connection) => {
        const result = await (subject === undefined
          ? question.ask(connection)
          : question.askOrRole(connection));
        answered(result);
        if (subject === undefined) return result;
        return runProbeFunction(
          subject,
          async (sql, values) => (await connection.client.query(sql, values)).rows as unknown[],
          result,
        );
      },
    });
  }
}

/** The node as the user's own probe sees it; `undefined`: there is no such probe. */
export function subjectOf(
  { name, address }: ResolvedNode,
  probe: ProbeFunction | undefined,
): ProbeSubject | undefined {
  return probe === undefined ? undefined : { name, address, probe };
}
