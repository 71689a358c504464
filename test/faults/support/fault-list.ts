import type { ClusterOptions, DatabaseNode } from 'nestjs-replica/testing';
import { setTimeout as delay } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';
import { TEST_DATABASE, type TestDatabase } from '../../support/cluster/test-database.js';
import type { AppUnderFault, Notice } from './app-under-fault.js';
import { eventually } from './clock.js';
import type { FaultStage } from './fault-stage.js';
import { probeAnswers } from './probe-answers.js';
import { POOL_SIZE, APPLICATION_NAME, type VersionsAppOptions } from './versions-app.js';

/** By these names the servers know what the library opens. */
export const APPLICATIONS = [APPLICATION_NAME, 'nestjs-replica monitor'] as const;

/** What a fault may need to know. */
export interface FaultScene {
  readonly stage: FaultStage;
  readonly app: AppUnderFault;
  /** How long it is to last, at least; milliseconds. */
  readonly faultMs: number;
}

type Mend = () => Promise<unknown>;

/** Something that goes wrong, for real, and how it is put right. */
export interface Fault {
  /** Default: every database has it. */
  readonly onlyOn?: TestDatabase;
  /** Resolves when it is there; gives how to mend it. */
  readonly inject: (scene: FaultScene) => Promise<Mend>;
  /** Mended as soon as it is there. */
  readonly isBrief?: boolean;
  /** What the primary needs, before there is any application. */
  readonly setUp?: (primary: DatabaseNode) => Promise<unknown>;
  /** What goes before it, while the load runs. */
  readonly prepare?: (scene: FaultScene) => Promise<unknown>;
  /** What the monitor has to show; absent: nothing, for the nodes are well. */
  readonly notice?: Notice;
  /** The nodes that it is about. Default: the victim. */
  readonly nodes?: (stage: FaultStage) => readonly DatabaseNode[];
  /** It is worth knowing whether an application starts meanwhile. */
  readonly isStartTried?: boolean;
  /** What comes back: reads from these nodes (the default), or writes. */
  readonly returns?: 'reads' | 'writes';
  readonly isProxied?: boolean;
  readonly settings?: ClusterOptions['settings'];
  /** Added to the URLs of the nodes. */
  readonly urlQuery?: string;
  readonly routing?: VersionsAppOptions['routing'];
  /** Some readers ask for reports that take so long; milliseconds. */
  readonly reportMs?: number;
  /** TypeORM's own replication has nothing that this could befall: why. */
  readonly notForTypeOrm?: string;
  /** Figures that show that it happened. */
  readonly evidence?: (stage: FaultStage) => Promise<Readonly<Record<string, number>>>;
}

const replicasOf = (stage: FaultStage): readonly DatabaseNode[] => stage.replicas;

/** All faults, by name. */
export const FAULTS = {
  'replica-killed': {
    notice: 'down',
    isStartTried: true,
    inject: async ({ stage: { victim } }) => {
      await victim.kill();
      return () => victim.start();
    },
  },
  'replica-restarted': {
    notice: 'down',
    isBrief: true,
    inject: async ({ stage: { victim } }) => {
      await victim.stop();
      return () => victim.start();
    },
  },
  'replica-hung': {
    notice: 'down',
    inject: async ({ stage: { victim } }) => {
      await victim.hang();
      return () => victim.resume();
    },
  },
  'connections-reset': {
    isProxied: true,
    inject: async ({ stage }) => {
      const proxy = stage.proxy(stage.victim);
      return repeat(200, async () => proxy.reset());
    },
  },
  'black-hole': {
    notice: 'down',
    isProxied: true,
    inject: async ({ stage }) => {
      const proxy = stage.proxy(stage.victim);
      proxy.blackHole();
      return () => proxy.restore();
    },
  },
  'replay-paused': {
    notice: 'ineligible',
    inject: async ({ stage: { victim } }) => {
      await victim.pauseReplay();
      return () => victim.resumeReplay();
    },
  },
  'replication-broken': {
    notice: 'ineligible',
    inject: ({ stage: { servers, victim } }) => servers.breakReplication(victim),
  },
  'recovery-conflicts': {
    onlyOn: 'postgres',
    settings: { max_standby_streaming_delay: '20ms' },
    reportMs: 150,
    nodes: replicasOf,
    inject: async ({ stage: { primary, replicas } }) => {
      // A replica that replays this lock must cancel whoever reads the table.
      const end = await repeat(100, () =>
        primary.query('DO $$ BEGIN LOCK TABLE counter IN ACCESS EXCLUSIVE MODE; END $$'),
      );
      return async () => {
        const happened = async (): Promise<true | undefined> =>
          (await sumOf(replicas, countConflicts)) > 0 || undefined;
        await eventually(happened, 10_000);
        return end();
      };
    },
    evidence: async (stage) => ({ recoveryConflicts: await sumOf(stage.replicas, countConflicts) }),
  },
  'all-replicas-down': {
    notice: 'down',
    isStartTried: true,
    nodes: replicasOf,
    inject: async ({ stage: { replicas } }) => {
      await Promise.all(replicas.map((node) => node.kill()));
      return () => Promise.all(replicas.map((node) => node.start()));
    },
  },
  'pool-exhausted': {
    inject: async ({ stage, app, faultMs }) => {
      // More than both replicas can run: where one gets fewer, what it cannot take comes to the other.
      await app.occupy(4 * POOL_SIZE, faultMs);
      if (!(await isFull(stage)))
        throw new Error(`${stage.victim.name}: its ${POOL_SIZE} connections were never all busy`);
      return () => app.release();
    },
  },
  'primary-killed': {
    notice: 'down',
    returns: 'writes',
    nodes: ({ primary }) => [primary],
    inject: async ({ stage, app }) => {
      await stage.primary.kill();
      return () => stage.failOver(app);
    },
  },
  'old-primary-returns': {
    notice: 'fenced',
    nodes: ({ former }) => [former],
    prepare: async ({ stage, app }) => {
      await stage.primary.kill();
      await stage.failOver(app);
      await stage.followPrimary();
    },
    inject: async ({ stage }) => {
      const { former, primary } = stage;
      await former.start();
      return () => former.follow(primary);
    },
  },
  'idle-sockets-killed': {
    nodes: replicasOf,
    inject: async ({ stage: { cluster, servers } }) =>
      repeat(100, () => Promise.all(cluster.nodes.map((node) => servers.endIdle(node, APPLICATIONS)))),
    evidence: async ({ cluster, servers }) => ({
      terminated: await sumOf(cluster.nodes, (node) => servers.countEnded(node)),
    }),
  },
  'probe-null': probeAnswers('null'),
  'probe-late': probeAnswers('late'),
  /** As an operator does it: the old primary refuses writes, until a replica that has all of them takes its place. */
  'read-only-switchover': {
    onlyOn: 'mariadb',
    returns: 'writes',
    nodes: ({ primary }) => [primary],
    inject: async ({ stage }) => {
      await stage.primary.query('SET GLOBAL read_only = 1');
      return () => stage.switchOver();
    },
  },
  /** What a backup does: from now on no write ends. */
  'primary-locked': {
    onlyOn: 'mariadb',
    returns: 'writes',
    nodes: ({ primary }) => [primary],
    inject: async ({ stage: { primary } }) => {
      const backup = await createConnection(primary.url);
      await backup.query('FLUSH TABLES WITH READ LOCK');
      return () => backup.end();
    },
  },
  /** Somebody wrote on a replica, which cannot replay what comes after that. */
  'errant-write': {
    onlyOn: 'mariadb',
    notice: 'ineligible',
    inject: async ({ stage: { victim } }) => {
      await victim.query('INSERT INTO counter SELECT 1000000 + COUNT(*), 0 FROM counter');
      return () => victim.query('SET GLOBAL gtid_strict_mode = 0; START SLAVE');
    },
  },
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;
export const FAULT_NAMES = (Object.keys(FAULTS) as FaultName[]).filter((name) => {
  const { onlyOn = TEST_DATABASE }: Fault = FAULTS[name];
  return onlyOn === TEST_DATABASE;
});

/** Does it again and again until mended. */
async function repeat(everyMs: number, act: () => Promise<unknown>): Promise<Mend> {
  const stopping = new AbortController();
  const loop = (async () => {
    while (!stopping.signal.aborted) {
      await act();
      await delay(everyMs);
    }
  })();
  return async () => {
    stopping.abort();
    await loop;
  };
}

/** Whether reports come to run on all connections that a pool has for them: it may keep one for quick reads. */
async function isFull({ servers, victim }: FaultStage): Promise<boolean> {
  const found = await eventually(
    async () => (await servers.countReports(victim)) >= POOL_SIZE - 1 || undefined,
    20_000,
  );
  return found !== undefined;
}

/** What a function tells of all nodes together. Servers may tell it up to a second later. */
async function sumOf(
  nodes: readonly DatabaseNode[],
  tell: (node: DatabaseNode) => Promise<number>,
): Promise<number> {
  const sum = await eventually(async () => {
    const all = await Promise.all(nodes.map(tell));
    return all.reduce((total, one) => total + one, 0) || undefined;
  }, 3_000);
  return sum ?? 0;
}

/** How many statements the replay of a PostgreSQL server has cancelled. */
async function countConflicts(node: DatabaseNode): Promise<number> {
  const [row] = await node.query<{ sum: number }>('SELECT sum(conflicts)::int AS sum FROM pg_stat_database');
  return row?.sum ?? 0;
}
