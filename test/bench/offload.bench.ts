/**
 * What each consistency level costs, compared with other systems under the same load: the share of reads that leave the
 * primary, stale own reads, reads that go back in time, statements on the primary, and latency.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DatabaseCluster } from 'nestjs-replica/testing';
import {
  forDatabase,
  NODE_NAME_FUNCTION_SQL,
  STARTS,
  TEST_DATABASE,
} from '../support/cluster/test-database.js';
import { lagByPauses } from './support/lag-by-pauses.js';
import { measureCapture } from './support/measure-capture.js';
import { COUNTING_SETTINGS, countingOn, type PrimaryStatements } from './support/primary-statements.js';
import { exponential, seededRandom } from '../support/random.js';
import { failUnless, isQuick, percentile, report, rounded, say } from './support/report.js';
import type { OffloadAppOptions } from './offload-app.js';

const POLICIES = [
  'session',
  'bounded',
  'eventual',
  'strong',
  'time-window-2s',
  'typeorm-replication',
] as const;
const SESSIONS = 200;
const ROWS_PER_SESSION = 5;
const MEAN_THINK_MS = 500;
const WRITE_SHARE = 0.1;
const REPLICA_DELAY_MS = 50;
const WARM_UP_MS = 2_000;
const MEASURED_MS = isQuick ? 8_000 : 40_000;

interface Row {
  readonly id: number;
  readonly value: number;
  readonly node: string;
}

interface Tally {
  requests: number;
  reads: number;
  replicaReads: number;
  staleOwnReads: number;
  nonMonotonicReads: number;
  failed: number;
  readonly latenciesMs: number[];
}

/** One client. It writes and reads its own rows and reads lists, one request at a time, and remembers what it was shown. */
class Session {
  readonly #port: number;
  readonly #agent: Agent;
  readonly #number: number;
  readonly #random: () => number;
  readonly #seen = new Map<number, number>();
  readonly #written = new Map<number, number>();

  constructor(port: number, agent: Agent, number: number) {
    this.#port = port;
    this.#agent = agent;
    this.#number = number;
    this.#random = seededRandom(number + 1);
  }

  async run(untilMs: number, tally: () => Tally | undefined): Promise<void> {
    await sleep(this.#random() * MEAN_THINK_MS);
    while (performance.now() < untilMs) {
      await this.#step(tally());
      await sleep(exponential(this.#random, MEAN_THINK_MS));
    }
  }

  async #step(tally: Tally | undefined): Promise<void> {
    const dice = this.#random();
    const own = this.#number * ROWS_PER_SESSION + Math.floor(this.#random() * ROWS_PER_SESSION) + 1;
    const startedMs = performance.now();
    try {
      if (dice < WRITE_SHARE) {
        const value = (this.#written.get(own) ?? 0) + 1;
        await this.#call('PATCH', `/items/${own}`, { value });
        this.#written.set(own, value);
      } else if (dice < WRITE_SHARE + (1 - WRITE_SHARE) / 2) {
        this.#check([(await this.#call('GET', `/items/${own}`)) as Row], tally);
      } else {
        const from = Math.max(1, own - Math.floor(this.#random() * 20));
        this.#check((await this.#call('GET', `/items?from=${from}`)) as Row[], tally);
      }
    } catch {
      if (tally !== undefined) tally.failed++;
    }
    if (tally !== undefined) {
      tally.requests++;
      tally.latenciesMs.push(performance.now() - startedMs);
    }
  }

  #check(rows: readonly Row[], tally: Tally | undefined): void {
    let isStale = false;
    let wentBack = false;
    for (const { id, value } of rows) {
      isStale ||= value < (this.#written.get(id) ?? 0);
      wentBack ||= value < (this.#seen.get(id) ?? 0);
      this.#seen.set(id, Math.max(value, this.#seen.get(id) ?? 0));
    }
    if (tally === undefined) return;
    tally.reads++;
    if (rows[0]?.node !== 'primary') tally.replicaReads++;
    if (isStale) tally.staleOwnReads++;
    if (wentBack) tally.nonMonotonicReads++;
  }

  #call(method: string, path: string, body?: object): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const headers = { 'x-session': `session-${this.#number}`, 'content-type': 'application/json' };
      const call = request(
        { port: this.#port, host: '127.0.0.1', method, path, headers, agent: this.#agent },
        (response) => {
          const parts: Buffer[] = [];
          response.on('data', (part: Buffer) => parts.push(part));
          response.on('error', reject);
          response.on('end', () => {
            const text = Buffer.concat(parts).toString();
            if (response.statusCode === 200) resolve(JSON.parse(text));
            else reject(new Error(`${response.statusCode}: ${text}`));
          });
        },
      );
      call.on('error', reject);
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }
}

async function startApp(options: OffloadAppOptions): Promise<{ app: ChildProcess; port: number }> {
  const app = fork(join(import.meta.dirname, 'offload-app.js'), {
    env: { ...process.env, OFFLOAD_APP: JSON.stringify(options) },
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  const [{ port }] = (await once(app, 'message')) as [{ port: number }];
  return { app, port };
}

async function runPolicy(
  cluster: DatabaseCluster,
  statements: PrimaryStatements,
  policy: OffloadAppOptions['policy'],
): Promise<object> {
  await cluster.primary.query('UPDATE item SET value = 0');
  await cluster.waitForCatchUp();
  const { app, port } = await startApp({
    policy,
    primaryUrl: cluster.primary.url,
    replicas: cluster.replicas.map(({ name, url }) => ({ name, url })),
  });
  const agent = new Agent({ keepAlive: true });
  const tally: Tally = {
    requests: 0,
    reads: 0,
    replicaReads: 0,
    staleOwnReads: 0,
    nonMonotonicReads: 0,
    failed: 0,
    latenciesMs: [],
  };
  const startMs = performance.now();
  const measureFromMs = startMs + WARM_UP_MS;
  const endMs = measureFromMs + MEASURED_MS;
  const sessions = Array.from({ length: SESSIONS }, (_, number) => new Session(port, agent, number));
  const running = sessions.map((session) =>
    session.run(endMs, () => (performance.now() < measureFromMs ? undefined : tally)),
  );
  await sleep(WARM_UP_MS);
  await statements.reset();
  await Promise.all(running);
  const primaryStatements = await statements.count();
  app.disconnect();
  await once(app, 'exit');
  agent.destroy();
  failUnless(tally.failed === 0, `${policy}: ${tally.failed} requests failed`);
  failUnless(
    tally.requests > 0.6 * (MEASURED_MS / MEAN_THINK_MS) * SESSIONS,
    `${policy}: only ${tally.requests} requests were made`,
  );
  return {
    policy,
    replicaShare: rounded(tally.replicaReads / tally.reads, 4),
    staleOwnReads: tally.staleOwnReads,
    nonMonotonicReads: tally.nonMonotonicReads,
    primaryStatementsPerRequest: rounded(primaryStatements / tally.requests, 3),
    p50Ms: rounded(percentile(tally.latenciesMs, 0.5), 2),
    p99Ms: rounded(percentile(tally.latenciesMs, 0.99), 2),
    requests: tally.requests,
  };
}

const ROWS = SESSIONS * ROWS_PER_SESSION + 20;
/** Statements that make the table. */
const SET_UP = {
  postgres: [
    'CREATE TABLE item (id int PRIMARY KEY, value int NOT NULL)',
    `INSERT INTO item SELECT n, 0 FROM generate_series(1, ${ROWS}) n`,
  ],
  mariadb: [
    'CREATE TABLE item (id int PRIMARY KEY, value int NOT NULL)',
    `INSERT INTO item SELECT seq, 0 FROM seq_1_to_${ROWS}`,
    NODE_NAME_FUNCTION_SQL,
  ],
};
/** PostgreSQL delays by itself. */
const DELAY = { postgres: { recovery_min_apply_delay: `${REPLICA_DELAY_MS}ms` }, mariadb: {} };

const cluster = await forDatabase(STARTS)({
  replicas: 2,
  settings: { ...COUNTING_SETTINGS, ...forDatabase(DELAY) },
});
let endLag: (() => Promise<void>) | undefined;
try {
  const statements = countingOn(cluster.primary);
  await statements.prepare();
  for (const sql of forDatabase(SET_UP)) await cluster.primary.query(sql);
  await cluster.waitForCatchUp();
  if (TEST_DATABASE === 'mariadb') endLag = await lagByPauses(cluster.replicas, REPLICA_DELAY_MS);
  const policies: Record<string, unknown>[] = [];
  for (const policy of POLICIES) {
    say(
      `--- ${policy}: ${SESSIONS} sessions for ${MEASURED_MS / 1000} s, replicas ${REPLICA_DELAY_MS} ms late`,
    );
    policies.push({ ...(await runPolicy(cluster, statements, policy)) });
  }
  await endLag?.();
  say('--- capture: 64 writers at once');
  const capture = await measureCapture(cluster, statements, isQuick ? 3_000 : 10_000);
  const session = policies.find(({ policy }) => policy === 'session') as {
    replicaShare: number;
    staleOwnReads: number;
    nonMonotonicReads: number;
  };
  failUnless(
    session.replicaShare >= 0.98,
    `session: only ${session.replicaShare} of the reads left the primary`,
  );
  failUnless(
    session.staleOwnReads === 0 && session.nonMonotonicReads === 0,
    'session: a read was stale or went back in time',
  );
  failUnless(
    capture.extraStatementsPerWrite <= 0.15,
    `${capture.extraStatementsPerWrite} extra statements per write`,
  );
  report({ bench: 'offload', database: TEST_DATABASE, policies, capture }, [
    ...policies,
    { policy: 'capture', ...capture },
  ]);
} finally {
  await endLag?.();
  await cluster.stop();
}
