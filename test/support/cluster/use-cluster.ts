import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import {
  startMariadbCluster,
  startPostgresCluster,
  type PostgresCluster,
  type ClusterOptions,
  type PostgresNode,
} from 'nestjs-replica/testing';
import { TRANSCRIPT_SETTINGS } from './transcript.js';

/** A database whose servers tests can start. */
export type TestDatabase = 'postgres' | 'mariadb';

const STARTS = { postgres: startPostgresCluster, mariadb: startMariadbCluster };

interface ClusterSetup extends ClusterOptions {
  /** Default `postgres`. */
  readonly database?: TestDatabase;
  /** Statements for the primary. All replicas have replayed them when the first test begins. */
  readonly sql?: string;
  /** Whether each test gets a cluster of its own: for tests that promote servers. */
  readonly isPerTest?: boolean;
}

/** Starts a cluster before the tests of the file or `describe()` that calls this, and ends it after them. */
export function useCluster(setup: ClusterSetup = {}): TestCluster {
  const cluster = new TestCluster(setup);
  const [before, after] = setup.isPerTest === true ? [beforeEach, afterEach] : [beforeAll, afterAll];
  before(() => cluster.start());
  after(() => cluster.stop());
  return cluster;
}

/** As {@link useCluster}, with the tables of the ledger, `count` accounts of balance 0 (`owner-1`, ...) and a transcript. */
export function useLedgerCluster({
  count = 100,
  sql = '',
  settings,
  ...setup
}: ClusterSetup & { readonly count?: number } = {}): TestCluster {
  return useCluster({
    ...setup,
    settings: { ...TRANSCRIPT_SETTINGS, ...settings },
    sql: `
      CREATE TABLE account (id serial PRIMARY KEY, owner varchar NOT NULL, balance int NOT NULL DEFAULT 0);
      CREATE TABLE entry (id serial PRIMARY KEY, amount int NOT NULL, "accountId" int REFERENCES account);
      ${openAccounts(count)};
      ${sql}`,
  });
}

/** Makes the ledger what it was at the beginning, on all nodes. */
export async function resetLedger(cluster: PostgresCluster, count = 100): Promise<void> {
  await cluster.primary.query(`TRUNCATE account, entry RESTART IDENTITY; ${openAccounts(count)}`);
  await cluster.waitForCatchUp();
}

function openAccounts(count: number): string {
  return `INSERT INTO account (owner) SELECT 'owner-' || n FROM generate_series(1, ${count}) n`;
}

/** Stops the replay of all replicas: from now on each write is lag. */
export async function pauseReplay(cluster: PostgresCluster): Promise<void> {
  await Promise.all(cluster.replicas.map((node) => node.pauseReplay()));
}

/** Ends a {@link pauseReplay}. */
export async function resumeReplay(cluster: PostgresCluster): Promise<void> {
  await Promise.all(cluster.replicas.map((node) => node.resumeReplay()));
}

/** Does the work while no replica replays; afterwards all have caught up again. */
export async function whilePaused<T>(cluster: PostgresCluster, work: () => Promise<T>): Promise<T> {
  await pauseReplay(cluster);
  try {
    return await work();
  } finally {
    await resumeReplay(cluster);
    await cluster.waitForCatchUp();
  }
}

/** Starts what was stopped or killed, and wakes what hangs or was paused. Resolves when all have caught up. */
export async function heal(cluster: PostgresCluster): Promise<void> {
  for (const node of cluster.nodes) {
    if (node.state === 'hung') await node.resume();
    await node.start();
    if (node.role === 'replica') await node.resumeReplay();
  }
  await cluster.waitForCatchUp();
}

/** A cluster that can be named before it is started. Its nodes are there from `beforeAll()` on. */
export class TestCluster implements PostgresCluster {
  readonly #setup: ClusterSetup;
  readonly #endings: (() => Promise<unknown>)[] = [];
  #started: PostgresCluster | undefined;

  constructor(setup: ClusterSetup) {
    this.#setup = setup;
  }

  async start(): Promise<void> {
    const { sql, isPerTest: _, database = 'postgres', ...options } = this.#setup;
    this.#started = await STARTS[database](options);
    if (sql === undefined) return;
    await this.primary.query(sql);
    await this.waitForCatchUp();
  }

  /** Ends what uses the cluster, before the cluster itself ends. */
  beforeStop(end: () => Promise<unknown>): void {
    this.#endings.push(end);
  }

  get backend(): PostgresCluster['backend'] {
    return this.#cluster.backend;
  }

  get primary(): PostgresNode {
    return this.#cluster.primary;
  }

  get replicas(): readonly PostgresNode[] {
    return this.#cluster.replicas;
  }

  get nodes(): readonly PostgresNode[] {
    return this.#cluster.nodes;
  }

  waitForCatchUp(options?: { timeoutMs?: number }): Promise<void> {
    return this.#cluster.waitForCatchUp(options);
  }

  async stop(): Promise<void> {
    try {
      await Promise.all(this.#endings.splice(0).map((end) => end()));
    } finally {
      await this.#started?.stop();
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  get #cluster(): PostgresCluster {
    if (this.#started === undefined)
      throw new Error('the cluster starts in beforeAll(): nothing can use it before');
    return this.#started;
  }
}
