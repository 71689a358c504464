import { afterAll, afterEach, beforeAll, beforeEach } from '@jest/globals';
import { type PostgresCluster, type ClusterOptions, type PostgresNode } from 'nestjs-replica/testing';
import { forDatabase, TEST_DATABASE, type TestDatabase, STARTS } from './test-database.js';
import { TRANSCRIPT_SETTINGS } from './transcript.js';

export { pauseReplay, resumeReplay, whilePaused } from './while-paused.js';

interface ClusterSetup extends ClusterOptions {
  /** Default: the one on which the tests of the file run. */
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

const LEDGER_SQL = forDatabase({
  postgres: `
    CREATE TABLE account (id serial PRIMARY KEY, owner varchar NOT NULL, balance int NOT NULL DEFAULT 0);
    CREATE TABLE entry (id serial PRIMARY KEY, amount int NOT NULL, "accountId" int REFERENCES account)`,
  mariadb: `
    CREATE TABLE account (id int AUTO_INCREMENT PRIMARY KEY, owner varchar(255) NOT NULL, balance int NOT NULL DEFAULT 0);
    CREATE TABLE entry (id int AUTO_INCREMENT PRIMARY KEY, amount int NOT NULL, accountId int,
      FOREIGN KEY (accountId) REFERENCES account (id))`,
});

const EMPTY_LEDGER_SQL = forDatabase({
  postgres: 'TRUNCATE account, entry RESTART IDENTITY',
  mariadb: 'SET foreign_key_checks = 0; TRUNCATE account; TRUNCATE entry; SET foreign_key_checks = 1',
});

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
    sql: `${LEDGER_SQL}; ${openAccounts(count)}; ${sql}`,
  });
}

/** Makes the ledger what it was at the beginning, on all nodes. */
export async function resetLedger(cluster: PostgresCluster, count = 100): Promise<void> {
  await cluster.primary.query(`${EMPTY_LEDGER_SQL}; ${openAccounts(count)}`);
  await cluster.waitForCatchUp();
}

function openAccounts(count: number): string {
  return forDatabase({
    postgres: `INSERT INTO account (owner) SELECT 'owner-' || n FROM generate_series(1, ${count}) n`,
    mariadb: `INSERT INTO account (owner) SELECT CONCAT('owner-', seq) FROM seq_1_to_1000 WHERE seq <= ${count}`,
  });
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
    const { sql, isPerTest: _, database = TEST_DATABASE, ...options } = this.#setup;
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
