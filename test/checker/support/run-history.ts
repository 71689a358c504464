import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent } from 'node:http';
import { join } from 'node:path';
import type { PostgresCluster } from 'nestjs-replica/testing';
import { DataSource } from 'typeorm';
import { Course } from './course.js';
import { runFaults, type FaultPlan } from './faults.js';
import type { Operation } from './history.js';
import { Recorder } from './recorder.js';
import { KEYS, PROCESSES, runSession, SessionClient } from './session-client.js';
import { REGISTERS } from './registers.js';
import { STARTS, TEST_DATABASE } from '../../support/cluster/test-database.js';
import { keepOutput } from '../../support/quiet/keep-output.js';
import { seededRandom } from '../../support/random.js';

/** A defect put into the library's source, to see that the checker finds it. */
export interface Mutation {
  /** The end of the file's path. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export interface RunOptions {
  readonly seed: number;
  readonly durationMs: number;
  readonly plan: FaultPlan;
  readonly mutation?: Mutation;
  /**
   * `shared` (default): two processes that share a store. `memory`: one process, which keeps its sessions in its memory. `token`: one
   * process, whose clients carry their sessions.
   */
  readonly store?: 'shared' | 'memory' | 'token';
  /** Some reads are answered by the result cache. Default `false`. */
  readonly hasCache?: boolean;
  /** The Redis in which the result cache is. Default: it is a table. */
  readonly cacheUrl?: string;
  /** Default `true`. `false`: the monitor alone tells positions, not the answers of writes. */
  readonly lanes?: boolean;
  /** Sessions read and write, and nothing else: so most of what they were shown is covered by no position. */
  readonly isPlain?: boolean;
  /** Asked twice a second: ends the run before its time. */
  readonly isEnough?: (operations: readonly Operation[]) => boolean;
}

/** What came of a run. */
export interface Run {
  readonly operations: readonly Operation[];
  readonly failed: number;
  /** What was done to the nodes, one line each. */
  readonly faults: readonly string[];
}

const SESSIONS = 16;
const HERE = join(process.cwd(), 'test', 'checker', 'support');

/** Runs sessions against several application processes while nodes fail, and records what each saw. */
export async function runHistory({
  seed,
  durationMs,
  plan,
  mutation,
  store = 'shared',
  hasCache,
  cacheUrl,
  lanes,
  isPlain,
  isEnough,
}: RunOptions): Promise<Run> {
  const cluster = await STARTS[TEST_DATABASE]({ replicas: 2 });
  const children: ChildProcess[] = [];
  const agent = new Agent({ keepAlive: true });
  try {
    await prepare(cluster);
    if (hasCache === true && cacheUrl === undefined) await createCacheTable(cluster);
    const start = (file: string, env: object): Promise<number> =>
      startChild(file, { ...env, mutation }, children);
    const storePort = store === 'shared' ? await start('store-process.ts', {}) : undefined;
    const nodes = cluster.nodes.map(({ name, url }) => ({ name, url }));
    const settings = { storePort, hasTokens: store === 'token', hasCache, cacheUrl, nodes, lanes };
    const ports = await Promise.all(
      Array.from({ length: store === 'shared' ? PROCESSES : 1 }, () => start('app-process.ts', { settings })),
    );
    const recorder = new Recorder(ports, agent);
    const course = new Course(durationMs, () => isEnough?.(recorder.operations) ?? false);
    const [faults] = await Promise.all([
      runFaults(cluster, plan, course, seededRandom(seed)),
      ...Array.from({ length: SESSIONS }, (_, session) =>
        runSession(
          new SessionClient(recorder, session, { hasCache, isPlain }),
          course,
          seededRandom(seed * 1_000 + session),
        ),
      ),
    ]);
    return { operations: recorder.operations, failed: recorder.failed, faults };
  } finally {
    agent.destroy();
    await Promise.all(children.map((child) => stopChild(child)));
    await cluster.stop();
  }
}

async function prepare(cluster: PostgresCluster): Promise<void> {
  await cluster.primary.query(REGISTERS[TEST_DATABASE].createSql(KEYS));
  await cluster.waitForCatchUp();
}

/** As TypeORM makes it when it synchronizes the schema: without it each cached read fails. */
async function createCacheTable(cluster: PostgresCluster): Promise<void> {
  const options = { type: 'postgres', url: cluster.primary.url, cache: true, synchronize: true } as const;
  const dataSource = await new DataSource(options).initialize();
  await dataSource.destroy();
  await cluster.waitForCatchUp();
}

async function startChild(
  file: string,
  { settings, mutation }: { settings?: object; mutation?: Mutation },
  children: ChildProcess[],
): Promise<number> {
  const child = fork(join(HERE, file), {
    execArgv: ['--import', `file://${join(process.cwd(), 'test', 'support', 'typescript', 'register.mjs')}`],
    env: {
      ...process.env,
      NODE_OPTIONS: '',
      APP_SETTINGS: JSON.stringify(settings ?? {}),
      MUTATION: JSON.stringify(mutation ?? null),
    },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  keepOutput(child.stderr);
  children.push(child);
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`${file} ended early with ${String(code)}`);
  });
  exited.catch(() => undefined);
  const [message] = (await Promise.race([once(child, 'message'), exited])) as [{ port: number }];
  return message.port;
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
