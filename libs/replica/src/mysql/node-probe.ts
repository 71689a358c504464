import type { ConnectionOptions } from 'mysql2';
import { ConnectedProbe } from '../execution/probes/connected-probe.js';
import type { ConnectionLink } from '../execution/endpoints/search-options.js';
import { ProbeConnector, type ProbeLink } from '../execution/probes/probe-connector.js';
import { runProbeFunction, type ProbeSubject } from '../execution/run-probe-function.js';
import type { Position } from '../session/position.js';
import type { ProbeResult } from '../topology/node-probe.js';
import { AuroraCluster, isAurora } from './aurora-status.js';
import type { MysqlConnection } from './connection.js';
import { isConnectionLoss } from './error-kinds.js';
import type { Flavor } from './flavor.js';
import type { GtidCluster } from './gtid-cluster.js';
import { identifyServer, type MysqlIdentity } from './identify-server.js';
import { inTimeOrCut, openConnection } from './open-connection.js';
import { askReplication } from './replication-status.js';

/** A probe's connection, and the server that it leads to. */
interface ProbeConnection {
  readonly connection: MysqlConnection;
  readonly identity: MysqlIdentity;
  readonly isAurora: boolean;
}

type OpenMysqlConnection = () => ConnectionLink<MysqlConnection>;

/** How to probe a node. */
export interface MysqlProbeOptions {
  /** Begins to connect. */
  readonly open: OpenMysqlConnection;
  /** Called with each answer. */
  readonly answered?: (result: ProbeResult) => void;
  /** What is known of all servers of this kind. */
  readonly clusterOf: (flavor: Flavor) => GtidCluster;
  /** The user's own probe. It runs after the built-in one, within the same time limit. */
  readonly subject: ProbeSubject | undefined;
}

/** The longest time that connecting may take. A probe gives up earlier, but the attempt goes on beside the next one; milliseconds. */
const CONNECT_MS = 10_000;
const AURORA = new AuroraCluster();
/** How much longer than it should a server may take to say that it has waited in vain; milliseconds. */
const SLACK_MS = 1_000;

/** Probes a node on a connection of its own. A second one waits for positions. */
export class MysqlProbe extends ConnectedProbe<ProbeConnection> {
  readonly #waiting: ProbeConnector<ProbeConnection>;
  readonly #cluster: () => GtidCluster | undefined;

  constructor({ open, answered, clusterOf, subject }: MysqlProbeOptions) {
    let cluster: GtidCluster | undefined;
    let server: string | undefined;
    const ask = async ({ connection, identity, ...found }: ProbeConnection): Promise<ProbeResult> => {
      cluster = found.isAurora ? AURORA : clusterOf(connection.flavor);
      ({ server } = identity);
      const [row = {}] = await connection.rows(cluster.probeSql);
      const report = await cluster.read({
        server,
        ownAddress: identity.ownAddress,
        row,
        replication: () => askReplication(connection),
      });
      const result = { ...report.result, identity };
      answered?.(result);
      if (subject !== undefined)
        return runProbeFunction(subject, (sql, values) => queryOn(connection, sql, values), result);
      return report.untold === undefined ? result : { ...result, problem: report.untold };
    };
    super(connectorOf(open), {
      isConnectionLoss,
      failed: () => {
        if (server !== undefined) cluster?.lost(server);
      },
      ask,
    });
    this.#cluster = () => cluster;
    this.#waiting = connectorOf(open);
  }

  async reaches(position: Position, timeoutMs: number): Promise<boolean> {
    const sql = this.#cluster()?.waitSql(position, timeoutMs);
    if (sql === undefined) return false;
    try {
      const { connection } = await this.#waiting.get();
      const [row] = await inTimeOrCut(connection, timeoutMs + SLACK_MS, connection.rows(sql));
      return Number(row?.['outcome']) === 0;
    } catch {
      this.#waiting.drop();
      return false;
    }
  }

  override reconnect(): void {
    super.reconnect();
    this.#waiting.drop();
  }

  override close(): Promise<void> {
    this.#waiting.close();
    return super.close();
  }
}

function connectorOf(open: OpenMysqlConnection): ProbeConnector<ProbeConnection> {
  return new ProbeConnector((lost) => openLink(open, lost));
}

/** Opens connections with these options. */
export function openDirectly(config: () => ConnectionOptions): OpenMysqlConnection {
  return () => ({ ready: openConnection({ config, timeoutMs: CONNECT_MS }), end: () => undefined });
}

function openLink(begin: OpenMysqlConnection, lost: () => void): ProbeLink<ProbeConnection> {
  let isEnded = false;
  let opened: MysqlConnection | undefined;
  const link = begin();
  const open = async (): Promise<ProbeConnection> => {
    const connection = await link.ready;
    opened = connection;
    if (isEnded) connection.cut();
    connection.driver.on('error', lost);
    // Only a running probe keeps the process alive, through its time-out.
    connection.keepProcessAlive(false);
    return {
      connection,
      identity: await identifyServer(connection),
      isAurora: await isAurora(connection),
    };
  };
  return {
    ready: open(),
    end: () => {
      isEnded = true;
      link.end();
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
