import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import {
  RedisSessionStore,
  ReplicaDataSource,
  type DataSourceRouter,
  type ReplicaDataSourceOptions,
} from 'nestjs-replica';
import { RedisServer } from '../../redis/support/redis-server.js';
import type { CleanUp } from './clean-up.js';
import { rounded } from './report.js';
import { Servers, type ClusterAddress } from './servers.js';

/** What one application instance asks of the servers, and what that costs there. Processor times are in microseconds. */
export interface InstanceRates {
  /** Requests of one instance per second, each of another session; one in ten writes. */
  readonly requestsPerSecond: number;
  /** Of each replica. */
  readonly probesPerReplicaPerSecond: number;
  /** Of the primary: probes and questions for positions. */
  readonly asksOfPrimaryPerSecond: number;
}

export interface UnitCosts {
  /** Of the server, for one probe. */
  readonly probeServerUs: number;
  /** Of Node, for one probe and all that follows from it. */
  readonly probeNodeUs: number;
  /** Of the server, for each connection that stays open. */
  readonly connectionBytes: number;
  /** What `X-Replica-Token` and the cookie carry. */
  readonly tokenBytes: number;
  /** Of Redis; `null` where there is no `redis-server`. */
  readonly redis: { readonly commandUs: number; readonly sessionBytes: number } | null;
}

/** So many instances run in this process: steps of 10 ms of the servers' clocks have to be small beside what is measured. */
const INSTANCES = 10;
const SESSIONS = 20_000;

async function startInstances(
  address: ClusterAddress,
  routing: Partial<ReplicaDataSourceOptions>,
): Promise<ReplicaDataSource[]> {
  const { primaryUrl, replicas } = address;
  const options = {
    type: 'postgres' as const,
    primary: { url: primaryUrl },
    replicas,
    poolSize: 4,
    ...routing,
  };
  return Promise.all(Array.from({ length: INSTANCES }, () => new ReplicaDataSource(options).initialize()));
}

/** How instances are loaded. */
export interface RatesTask {
  /** Of each instance, each of another session; one in ten writes, and its session reads again soon. */
  readonly requestsPerSecond: number;
  readonly forMs: number;
  readonly routing?: Partial<ReplicaDataSourceOptions>;
}

/** One request in so many writes. */
const WRITE_EVERY = 10;

/** What one instance asks of each server beside the application's own statements, once it has started. */
export async function measureRates(address: ClusterAddress, task: RatesTask): Promise<InstanceRates> {
  const start = await countAsks(address, { ...task, forMs: 0 });
  const all = await countAsks(address, task);
  const seconds = ((all.tookMs - start.tookMs) / 1000) * INSTANCES;
  return {
    requestsPerSecond: task.requestsPerSecond,
    probesPerReplicaPerSecond: rounded((all.ofReplica - start.ofReplica) / seconds, 2),
    asksOfPrimaryPerSecond: rounded((all.ofPrimary - start.ofPrimary) / seconds, 2),
  };
}

interface Asks {
  readonly ofReplica: number;
  readonly ofPrimary: number;
  readonly tookMs: number;
}

/** Starts instances, loads them, ends them. Counts what they asked for themselves. */
async function countAsks(address: ClusterAddress, task: RatesTask): Promise<Asks> {
  const servers = await Servers.connect(address);
  try {
    const before = await servers.transactions();
    const instances = await startInstances(address, task.routing ?? {});
    const startedMs = performance.now();
    await Promise.all(instances.map((source) => requests(source.router, source, task)));
    const tookMs = performance.now() - startedMs;
    const [onReplicas, onPrimary] = [statementsOn('replica', instances), statementsOn('primary', instances)];
    // A server process tells what it did when it ends.
    await Promise.all(instances.map((source) => source.destroy()));
    await sleep(1_500);
    const after = await servers.transactions();
    const [primary = 0, ...replicas] = after.map((count, node) => count - (before[node] ?? 0));
    const asked = replicas.reduce((sum, count) => sum + count, 0) - onReplicas;
    return { ofReplica: asked / replicas.length, ofPrimary: primary - onPrimary, tookMs };
  } finally {
    await servers.close();
  }
}

/** The application's own statements that such nodes answered. */
function statementsOn(role: 'primary' | 'replica', instances: readonly ReplicaDataSource[]): number {
  const routes = instances.flatMap(({ router }) => router.stats().routes);
  return routes.reduce((sum, route) => (route.role === role ? sum + route.count : sum), 0);
}

/** When a session that has written comes back to read. */
const COMES_BACK_MS = 100;

/** Requests at a fixed rate, each of a session of its own. Resolves when all have been answered. */
async function requests(router: DataSourceRouter, source: ReplicaDataSource, task: RatesTask): Promise<void> {
  const { requestsPerSecond, forMs } = task;
  const running: Promise<unknown>[] = [];
  const read = (token?: string): Promise<unknown> =>
    router.runWithToken(token, () => source.query('SELECT stock FROM item WHERE id = $1', [1]));
  const write = async (): Promise<void> => {
    const token = await router.runWithToken(undefined, async () => {
      await source.query('UPDATE item SET stock = stock + 1 WHERE id = $1', [2]);
      return router.currentToken();
    });
    await sleep(COMES_BACK_MS);
    await read(token);
  };
  const startedMs = performance.now();
  while (performance.now() - startedMs < forMs) {
    const due = ((performance.now() - startedMs) * requestsPerSecond) / 1000;
    for (; running.length < due;) running.push(running.length % WRITE_EVERY === 0 ? write() : read());
    await sleep(5);
  }
  await Promise.all(running);
}

/** What one probe and one open connection cost: many instances that do nothing but probe. */
export async function measureProbes(
  address: ClusterAddress,
  forMs: number,
): Promise<Pick<UnitCosts, 'probeServerUs' | 'probeNodeUs' | 'connectionBytes' | 'tokenBytes'>> {
  const servers = await Servers.connect(address);
  const memoryBefore = await memoryOf(servers);
  const connectionsBefore = await servers.connections();
  const instances = await startInstances(address, { monitor: { intervalMs: PROBE_MS } });
  try {
    // One statement on each pool's connections would hide what a probe's connection costs: nothing runs but probes.
    await sleep(500);
    const connections = (await servers.connections()) - connectionsBefore;
    const connectionBytes = Math.round(((await memoryOf(servers)) - memoryBefore) / connections);
    const [before, nodeBefore, cpuBefore] = [
      probesOf(instances),
      process.cpuUsage(),
      servers.processorTimeUs(),
    ];
    await sleep(forMs);
    const { user, system } = process.cpuUsage(nodeBefore);
    const serverUs = (servers.processorTimeUs() ?? 0) - (cpuBefore ?? 0);
    const probes = probesOf(instances) - before;
    const [{ router }] = instances as [ReplicaDataSource];
    const token = await router.currentToken();
    return {
      probeServerUs: rounded(serverUs / probes, 1),
      probeNodeUs: rounded((user + system) / probes, 1),
      connectionBytes,
      tokenBytes: Buffer.byteLength(token),
    };
  } finally {
    await Promise.all(instances.map((source) => source.destroy()));
    await servers.close();
  }
}

/** The shortest pause between two probes of a node; milliseconds. */
const PROBE_MS = 10;

/** Each probe makes a topology of a higher version. */
function probesOf(instances: readonly ReplicaDataSource[]): number {
  return instances.reduce((sum, { router }) => sum + router.topology().version, 0);
}

/** What the servers' processes hold, shared memory divided among them; bytes. */
async function memoryOf(servers: Servers): Promise<number> {
  await sleep(200);
  let bytes = 0;
  for (const pid of servers.processes) {
    const kilobytes = /^Pss_Anon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
    bytes += Number(kilobytes ?? 0) * 1024;
  }
  return bytes;
}

/** What one command of the store and one session in it cost Redis. `null` where there is no `redis-server`. */
export async function measureRedis(cleanUp: CleanUp): Promise<UnitCosts['redis']> {
  let server: RedisServer;
  try {
    server = await RedisServer.start();
  } catch {
    return null;
  }
  cleanUp.add(() => server.stop());
  const client = createClient({ url: server.url });
  await client.connect();
  const store = new RedisSessionStore({ client });
  const usedBytes = async (): Promise<number> => infoOf(await client.info('memory'), 'used_memory');
  const usedUs = async (): Promise<number> => {
    const cpu = await client.info('cpu');
    return (infoOf(cpu, 'used_cpu_user') + infoOf(cpu, 'used_cpu_sys')) * 1_000_000;
  };
  const [bytesBefore, usBefore] = [await usedBytes(), await usedUs()];
  const keys = Array.from({ length: SESSIONS }, (_, n) => `session-${n}`);
  const state = { position: 123_456_789n, primaryUntilMs: 0, unconfirmedUntilMs: 0 };
  await inBatches(keys, (key) => store.save(key, state, 600_000));
  await inBatches(keys, (key) => store.load(key));
  const redis = {
    commandUs: rounded(((await usedUs()) - usBefore) / (2 * SESSIONS), 1),
    sessionBytes: Math.round(((await usedBytes()) - bytesBefore) / SESSIONS),
  };
  await client.close();
  await server.stop();
  return redis;
}

function infoOf(info: string, name: string): number {
  return Number(new RegExp(`^${name}:([\\d.]+)`, 'm').exec(info)?.[1]);
}

async function inBatches(keys: readonly string[], work: (key: string) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < keys.length; from += BATCH)
    await Promise.all(keys.slice(from, from + BATCH).map(work));
}

const BATCH = 200;
