import 'reflect-metadata';
import { MemorySessionStore, ReplicaDataSource, type SessionStore } from 'nestjs-replica';
import { Column, DataSource, Entity, PrimaryColumn, PrimaryGeneratedColumn } from 'typeorm';
import { TEST_DATABASE } from '../support/cluster/test-database.js';
import { answerParent } from './support/child.js';
import { spread } from './support/items.js';
import { assignProcessors, type Processors } from './support/processors.js';
import { keepBusy, measure, type Measured } from './support/measure.js';
import { benchSessionKey, Requests } from './support/requests.js';
import { Servers, type ClusterAddress } from './support/servers.js';

/** `nestjs-replica-shared-store`: with a store like one that several processes share, for which responses wait. */
export const WRITE_SYSTEMS = ['nestjs-replica', 'nestjs-replica-shared-store', 'primary-only'] as const;
export type WriteSystemName = (typeof WRITE_SYSTEMS)[number];
export const WRITES = ['statement', 'transaction'] as const;
export type Write = (typeof WRITES)[number];
export const COUNTERS = 1_000;

/** What one process of the benchmark `writes` measures: one system. */
export interface WritesTask {
  readonly system: WriteSystemName;
  readonly cluster: ClusterAddress;
  readonly processors: Processors;
  readonly poolSize: number;
  readonly concurrency: number;
  /** Requests of each kind before anything is measured. */
  readonly warmUpWrites: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

export interface WritesMeasured extends Measured {
  readonly write: Write;
}

@Entity()
class Counter {
  @PrimaryColumn()
  id!: number;

  @Column()
  value!: number;
}

@Entity()
class Entry {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column()
  counterId!: number;
}

/** One way to handle write requests. */
interface WriteSystem {
  readonly source: DataSource;
  /** Handles the nth request. */
  readonly handle: (n: number, handler: () => Promise<void>) => Promise<void>;
  /** Throws unless each session's write is known. */
  readonly check: () => Promise<void>;
}

const SESSIONS = 1_000;

/** Both databases take all options that are used here. */
const TYPE = TEST_DATABASE as 'postgres';

async function openOurs({ system, cluster, poolSize }: WritesTask): Promise<WriteSystem> {
  const memory = new MemorySessionStore();
  const store: SessionStore =
    system === 'nestjs-replica'
      ? memory
      : { load: (key) => memory.load(key), save: (...args) => memory.save(...args) };
  const source = await new ReplicaDataSource({
    type: TYPE,
    entities: [Counter, Entry],
    poolSize,
    primary: { url: cluster.primaryUrl },
    replicas: cluster.replicas,
    session: { key: benchSessionKey, store },
  }).initialize();
  const requests = new Requests(source);
  const keys = new Set<string>();
  return {
    source,
    handle: (n, handler) => {
      const key = `session-${n % SESSIONS}`;
      keys.add(key);
      return requests.run('POST', key, handler);
    },
    check: async () => {
      for (const key of keys) {
        if ((await store.load(key))?.position === undefined)
          throw new Error(`${key} has written and has no position`);
      }
    },
  };
}

async function openTypeOrm({ cluster, poolSize }: WritesTask): Promise<WriteSystem> {
  const source = new DataSource({
    type: TYPE,
    entities: [Counter, Entry],
    poolSize,
    url: cluster.primaryUrl,
  });
  return {
    source: await source.initialize(),
    handle: (_, handler) => handler(),
    check: () => Promise.resolve(),
  };
}

/** Adds one to a counter: by one statement, or together with an entry in a transaction. */
function writesOf(source: DataSource): Record<Write, (id: number) => Promise<void>> {
  const counters = source.getRepository(Counter);
  const raised = { value: () => 'value + 1' };
  const check = (affected: number | null | undefined, id: number): void => {
    if (affected !== 1) throw new Error(`${String(affected)} counters with the number ${id} were raised`);
  };
  return {
    statement: async (id) => check((await counters.update({ id }, raised)).affected, id),
    transaction: (id) =>
      source.transaction(async (manager) => {
        check((await manager.update(Counter, { id }, raised)).affected, id);
        await manager.insert(Entry, { counterId: id });
      }),
  };
}

async function sums(source: DataSource): Promise<readonly [counted: number, entered: number]> {
  const runner = source.createQueryRunner('master');
  try {
    const [row] = (await runner.query(
      'SELECT (SELECT sum(value) FROM counter) AS counted, (SELECT count(*) FROM entry) AS entered',
    )) as [{ counted: string; entered: string }];
    return [Number(row.counted), Number(row.entered)];
  } finally {
    await runner.release();
  }
}

answerParent(async (task: WritesTask): Promise<WritesMeasured[]> => {
  const { system: name, concurrency, warmUpWrites } = task;
  const servers = await Servers.connect(task.cluster);
  assignProcessors(task.processors, servers.processes);
  const system = await (name === 'primary-only' ? openTypeOrm(task) : openOurs(task));
  const writes = writesOf(system.source);
  const before = await sums(system.source);
  const made: Record<Write, number> = { statement: 0, transaction: 0 };
  const callOf = (write: Write) => (n: number) => {
    made[write]++;
    return system.handle(n, () => writes[write](spread(n, COUNTERS)));
  };
  for (const write of WRITES) {
    await keepBusy({ concurrency, call: callOf(write) }, { afterCalls: warmUpWrites });
  }
  const results: WritesMeasured[] = [];
  for (const write of WRITES) {
    results.push({ write, ...(await measure(servers, { ...task, call: callOf(write) })) });
  }
  const after = await sums(system.source);
  const counted = after[0] - before[0];
  const entered = after[1] - before[1];
  if (counted !== made.statement + made.transaction || entered !== made.transaction)
    throw new Error(`${name}: ${JSON.stringify(made)} writes left ${counted} counts and ${entered} entries`);
  await system.check();
  await system.source.destroy();
  assignProcessors('shared', servers.processes);
  await servers.close();
  return results;
});
