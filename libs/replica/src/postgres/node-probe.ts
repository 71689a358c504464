import type pg from 'pg';
import { ConnectedProbe } from '../execution/probes/connected-probe.js';
import { ProbeConnector } from '../execution/probes/probe-connector.js';
import { runProbeFunction, type ProbeSubject } from '../execution/run-probe-function.js';
import { isConnectionLoss } from './error-kinds.js';
import { openProbeLink, type ProbeConnection } from './probe-connection.js';
import { NodeQuestion } from './probe-statement.js';

/** Probes a PostgreSQL node on its own connection. */
export class PostgresProbe extends ConnectedProbe<ProbeConnection> {
  /** @param subject the user's own probe; it runs after the built-in one, within the same time limit */
  constructor(config: pg.ClientConfig, subject?: ProbeSubject) {
    const question = new NodeQuestion();
    const named = { ...config, application_name: 'nestjs-replica monitor' };
    super(new ProbeConnector((lost) => openProbeLink(named, lost)), {
      isConnectionLoss,
      ask: async (connection) =>
        subject === undefined
          ? question.ask(connection)
          : runProbeFunction(
              subject,
              async (sql, values) => (await connection.client.query(sql, values)).rows as unknown[],
              await question.askOrRole(connection),
            ),
    });
  }
}
