import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startPostgresCluster, type PostgresCluster } from 'nestjs-replica/testing';
import { Course } from './course.js';
import { runFaults, type FaultPlan } from './faults.js';
import type { Operation } from './history.js';
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
  /** `shared` (default): two processes that share a store. `memory`: one process, which keeps its sessions in its memory. */
  readonly store?: 'shared' | 'memory';
  /** Default `true`. `false`: the monitor alone tells positions, not the answers of writes. */
  readonly lanes?: boolean;
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

const PROCESSES = 2;
const SESSIONS = 16;
const KEYS = 10;
const HERE = join(process.cwd(), 'test', 'checker', 'support');

/** Runs sessions against several application processes while nodes fail, and records what each saw. */
export async function runHistory({
  seed,
  durationMs,
  plan,
  mutation,
  store,
  lanes,
  isEnough,
}: RunOptions): Promise<Run> {
  const cluster = await startPostgresCluster({ replicas: 2 });
  const children: ChildProcess[] = [];
  const agent = new Agent({ keepAlive: true });
  try {
    await prepare(cluster);
    const start = (file: string, env: object): Promise<number> =>
      startChild(file, { ...env, mutation }, children);
    const storePort = store === 'memory' ? undefined : await start('store-process.ts', {});
    const nodes = cluster.nodes.map(({ name, url }) => ({ name, url }));
    const ports = await Promise.all(
      Array.from({ length: store === 'memory' ? 1 : PROCESSES }, () =>
        start('app-process.ts', { settings: { storePort, nodes, lanes } }),
      ),
    );
    const recorder = new Recorder(ports, agent);
    const course = new Course(durationMs, () => isEnough?.(recorder.operations) ?? false);
    const [faults] = await Promise.all([
      runFaults(cluster, plan, course, seededRandom(seed)),
      ...Array.from({ length: SESSIONS }, (_, session) =>
        runSession(recorder, course, session, seededRandom(seed * 1_000 + session)),
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
  await cluster.primary.query('CREATE TABLE register (key int PRIMARY KEY, value int NOT NULL)');
  await cluster.primary.query(`INSERT INTO register SELECT n, 0 FROM generate_series(1, ${KEYS}) n`);
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

/** A session: reads and writes registers on any process; now and then writes two at once and reads both. One in four only reads. */
async function runSession(
  recorder: Recorder,
  course: Course,
  session: number,
  random: () => number,
): Promise<void> {
  const anyKey = (): number => 1 + Math.floor(random() * KEYS);
  const own = 1 + (session % KEYS);
  const isReader = session % 4 === 3;
  while (!course.isOver) {
    const dice = isReader ? 0.5 : random();
    const process = Math.floor(random() * PROCESSES);
    if (dice < 0.1) {
      const other = 1 + (own % KEYS);
      await Promise.all([
        recorder.call(session, 'write', own, process),
        recorder.call(session, 'write', other, (process + 1) % PROCESSES),
      ]);
      await recorder.call(session, 'read', own, process);
      await recorder.call(session, 'read', other, process);
    } else if (dice < 0.3) {
      await recorder.call(session, 'write', own, process);
      await recorder.call(session, 'read', own, (process + 1) % PROCESSES);
    } else {
      await recorder.call(session, 'read', dice < 0.6 ? own : anyKey(), process);
    }
    await sleep(random() * 50);
  }
}

class Recorder {
  readonly operations: Operation[] = [];
  failed = 0;
  readonly #ports: readonly number[];
  readonly #agent: Agent;
  readonly #startMs = performance.now();

  constructor(ports: readonly number[], agent: Agent) {
    this.#ports = ports;
    this.#agent = agent;
  }

  async call(session: number, kind: Operation['kind'], key: number, process: number): Promise<void> {
    const beganMs = performance.now() - this.#startMs;
    try {
      const { value, node } = await this.#send(session, kind, key, process);
      const endedMs = performance.now() - this.#startMs;
      this.operations.push({ session, kind, key, value, beganMs, endedMs, process, node });
    } catch {
      this.failed++;
    }
  }

  #send(
    session: number,
    kind: Operation['kind'],
    key: number,
    process: number,
  ): Promise<{ value: number; node: string }> {
    return new Promise((resolve, reject) => {
      const call = request(
        {
          host: '127.0.0.1',
          port: this.#ports[process],
          path: `/registers/${key}`,
          method: kind === 'read' ? 'GET' : 'PUT',
          headers: { 'x-session': `session-${session}` },
          agent: this.#agent,
          timeout: 8_000,
        },
        (response) => {
          let text = '';
          response.on('data', (part) => (text += String(part)));
          response.on('error', reject);
          response.on('end', () =>
            response.statusCode === 200 ? resolve(JSON.parse(text)) : reject(new Error(text)),
          );
        },
      );
      call.on('timeout', () => call.destroy(new Error('no answer')));
      call.on('error', reject);
      call.end();
    });
  }
}
