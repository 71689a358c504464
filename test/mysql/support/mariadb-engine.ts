import { SessionHandle } from '../../../libs/replica/src/context/session-handle.js';
import { Engine } from '../../../libs/replica/src/engine/engine.js';
import { OperatorLog } from '../../../libs/replica/src/engine/operator-log.js';
import { intentOf } from '../../../libs/replica/src/engine/read-options.js';
import { RoutedClient } from '../../../libs/replica/src/execution/routed-client.js';
import type { MysqlAnswer, OkPacket } from '../../../libs/replica/src/mysql/answer.js';
import { MysqlDatabase } from '../../../libs/replica/src/mysql/database.js';
import type { ReplicaDataSourceOptions } from '../../../libs/replica/src/options/typeorm-options.js';
import { resolveOptions } from '../../../libs/replica/src/options/resolve-options.js';
import type { StatementEvent } from '../../../libs/replica/src/routing/statement-event.js';
import { MemorySessionStore } from '../../../libs/replica/src/session/memory.store.js';
import type { Topology } from '../../../libs/replica/src/topology/topology.js';
import type { DatabaseCluster } from 'nestjs-replica/testing';
import { until } from '../../support/until.js';
import { importMysql2 } from '../../../libs/replica/src/mysql/mysql2-module.js';

await importMysql2();

/** The user of the application: it has rights on its own database, and no other. */
export const APP_USER = { username: 'shop', password: 'shop' };

export type Row = Readonly<Record<string, unknown>>;

/** Runs a statement on the client of a request. */
export type Query = (text: string, values?: readonly unknown[]) => Promise<readonly Row[] & OkPacket>;

class PlainClient extends RoutedClient {
  async query(text: string, values?: readonly unknown[]): Promise<readonly Row[] & OkPacket> {
    const answer = (await this.run({ text, args: [text, values] })) as unknown as MysqlAnswer;
    return answer[0] as readonly Row[] & OkPacket;
  }
}

/** An engine on a cluster of MariaDB, without TypeORM, and what it told. */
export class MariadbEngine {
  readonly engine: Engine;
  readonly lines: string[] = [];
  readonly told: StatementEvent[] = [];
  readonly #store = new MemorySessionStore();

  private constructor(cluster: DatabaseCluster, options: Partial<ReplicaDataSourceOptions<never>>) {
    const log = new OperatorLog();
    const write = (line: string): void => void this.lines.push(line);
    log.sendTo({ log: write, warn: write, error: write });
    const nodes = cluster.nodes.map(({ name, host, port, database }) => ({
      name,
      host,
      port,
      database,
      ...APP_USER,
    }));
    const [primary, ...replicas] = nodes;
    const monitor = { intervalMs: 100, ...options.monitor };
    const resolved = resolveOptions<never>({
      type: 'mariadb',
      primary,
      replicas,
      ...options,
      monitor,
    } as never);
    const database = new MysqlDatabase({
      connectTimeoutMs: 5_000,
      connection: {},
      onIdleError: () => undefined,
    });
    this.engine = new Engine(resolved, database, log);
    this.engine.events.on('statement', (event) => void this.told.push(event));
  }

  /** Starts an engine whose nodes are those of the cluster, and waits until each of them serves. */
  static async start(
    cluster: DatabaseCluster,
    options: Partial<ReplicaDataSourceOptions<never>> = {},
  ): Promise<MariadbEngine> {
    const started = new MariadbEngine(cluster, options);
    await started.engine.start([]);
    await started.engine.learnSchema([]);
    await until(() => started.nodesUp === cluster.nodes.length, 'that all nodes serve');
    return started;
  }

  stop(): Promise<void> {
    return this.engine.stop();
  }

  get topology(): Topology {
    return this.engine.cluster.monitor.topology;
  }

  get nodesUp(): number {
    const { primary, replicas } = this.topology;
    return [primary, ...replicas].filter(({ health }) => health === 'up').length;
  }

  /** The node that answered the last statement, and why. */
  get lastRoute(): string {
    const last = this.told.at(-1);
    return `${last?.node} (${last?.reason})`;
  }

  /** A request of the session of this key; `fn` gets how to query on a client of its own. */
  async request<T>(key: string, fn: (query: Query) => Promise<T>): Promise<T> {
    const { engine } = this;
    const request = engine.createRequest();
    const options = { store: this.#store, timeoutMs: 5_000, ttlMs: 60_000, resolveKey: () => key };
    request.attach(new SessionHandle(options));
    return engine.contexts.run(
      { request, intent: intentOf('default', {}, engine.options, true) },
      async () => {
        const client = new PlainClient(engine.cluster.router, false);
        try {
          return await fn((text, values) => client.query(text, values));
        } finally {
          client.release();
          await request.settle();
          request.end();
        }
      },
    );
  }
}

/** What the tests of this folder work with: a table, a procedure that writes, and the application's user. */
export async function prepare(cluster: DatabaseCluster): Promise<void> {
  const { primary } = cluster;
  const { username, password } = APP_USER;
  await primary.query(
    'CREATE TABLE item (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40) UNIQUE, n INT NOT NULL DEFAULT 0)',
  );
  await primary.query("CREATE PROCEDURE write_item() INSERT INTO item (name) VALUES ('by procedure')");
  await primary.query(`CREATE USER ${username}@'%' IDENTIFIED BY '${password}'`);
  await primary.query(`GRANT ALL ON \`${primary.database}\`.* TO ${username}@'%'`);
  await cluster.waitForCatchUp();
}
