import type { ConnectionOptions } from 'mysql2';
import { ConnectedProbe } from '../execution/probes/connected-probe.js';
import { ProbeConnector, type ProbeLink } from '../execution/probes/probe-connector.js';
import { runProbeFunction, type ProbeSubject } from '../execution/run-probe-function.js';
import type { NodeProbe, ProbeResult } from '../topology/node-probe.js';
import type { MysqlConnection } from './connection.js';
import { isConnectionLoss } from './error-kinds.js';
import type { Flavor } from './flavor.js';
import type { GtidCluster } from './gtid-cluster.js';
import { identifyServer, type MysqlIdentity } from './identify-server.js';
import { openConnection } from './open-connection.js';
import { askReplication } from './replication-status.js';

/** A probe's connection, and the server that it leads to. */
interface ProbeConnection {
  readonly connection: MysqlConnection;
  readonly identity: MysqlIdentity;
}

/** How to probe a node. */
export interface MysqlProbeOptions {
  readonly config: () => ConnectionOptions;
  /** What is known of all servers of this kind. */
  readonly clusterOf: (flavor: Flavor) => GtidCluster;
  /** The user's own probe. It runs after the built-in one, within the same time limit. */
  readonly subject: ProbeSubject | undefined;
}

/** The longest time that connecting may take. A probe gives up earlier, but the attempt goes on beside the next one; milliseconds. */
const CONNECT_MS = 10_000;

/** Probes a node on a connection of its own. */
export function createProbe({ config, clusterOf, subject }: MysqlProbeOptions): NodeProbe {
  let lost: (() => void) | undefined;
  const ask = async ({ connection, identity }: ProbeConnection): Promise<ProbeResult> => {
    const cluster = clusterOf(connection.flavor);
    const { server } = identity;
    lost = () => cluster.lost(server);
    const [row = {}] = await connection.rows(cluster.probeSql);
    const report = await cluster.read({ server, row, replication: () => askReplication(connection) });
    const result = { ...report.result, identity };
    if (subject !== undefined)
      return runProbeFunction(subject, (sql, values) => queryOn(connection, sql, values), result);
    return report.untold === undefined ? result : { ...result, problem: report.untold };
  };
  const connector = new ProbeConnector((onLost) => openLink(config, onLost));
  return new ConnectedProbe(connector, { isConnectionLoss, failed: () => lost?.(), ask });
}

function openLink(config: () => ConnectionOptions, lost: () => void): ProbeLink<ProbeConnection> {
  let isEnded = false;
  let opened: MysqlConnection | undefined;
  const open = async (): Promise<ProbeConnection> => {
    const connection = await openConnection({ config, timeoutMs: CONNECT_MS });
    opened = connection;
    if (isEnded) connection.cut();
    connection.driver.on('error', lost);
    // Only a running probe keeps the process alive, through its time-out.
    connection.keepProcessAlive(false);
    return { connection, identity: await identifyServer(connection) };
  };
  return {
    ready: open(),
    end: () => {
      isEnded = true;
      opened?.close();
    },
  };
}

function queryOn(
  connection: MysqlConnection,
  sql: string,
  values: unknown[] | undefined,
): Promise<unknown[]> {
  return new Promise((resolve, reject) => {
    connection.query([sql, values], (error, answer) => {
      if (answer === undefined) reject(error);
      else resolve(answer[0] as unknown[]);
    });
  });
}
