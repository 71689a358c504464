import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresCluster, PostgresNode } from 'nestjs-replica/testing';
import { crash } from '../../support/cluster/crash.js';
import { forDatabase } from '../../support/cluster/test-database.js';
import type { Course } from './course.js';

/** What is done to the nodes: `any` of the faults in turn, and a failover; or one that brings out one kind of defect. */
export type FaultPlan = 'everything' | 'replicas-lag' | 'home-dies-ahead' | 'processes-crash';

/** Does what the plan says until the time is over; gives what it did, one line each. */
export async function runFaults(
  cluster: PostgresCluster,
  plan: FaultPlan,
  course: Course,
  random: () => number,
): Promise<string[]> {
  const log: string[] = [];
  const startMs = performance.now();
  const note = (what: string): void =>
    void log.push(`${(performance.now() - startMs).toFixed(0)} ms: ${what}`);
  if (plan === 'replicas-lag') await lag(cluster, course, note);
  else if (plan === 'home-dies-ahead') await dieAhead(cluster, course, note);
  else if (plan === 'processes-crash') await crashes(cluster, course, { random, note });
  else await everything(cluster, course, random, note);
  return log;
}

/** Both replicas stand still now and then. */
async function lag(cluster: PostgresCluster, course: Course, note: (what: string) => void): Promise<void> {
  while (!course.isOver) {
    await Promise.all(cluster.replicas.map((node) => node.pauseReplay()));
    note('replay paused on all replicas');
    await sleep(400);
    await Promise.all(cluster.replicas.map((node) => node.resumeReplay()));
    note('replay resumed');
    await sleep(300);
  }
}

/** One replica stands still while the other goes ahead, and then dies: its sessions must not go back. */
async function dieAhead(
  cluster: PostgresCluster,
  course: Course,
  note: (what: string) => void,
): Promise<void> {
  for (let round = 0; !course.isOver; round++) {
    const [ahead, behind] = (round % 2 === 0 ? cluster.replicas : cluster.replicas.toReversed()) as [
      PostgresNode,
      PostgresNode,
    ];
    await behind.pauseReplay();
    note(`${behind.name} paused`);
    await sleep(600);
    await ahead.kill();
    note(`${ahead.name} killed`);
    await sleep(400);
    await behind.resumeReplay();
    await ahead.start();
    note(`${behind.name} resumed, ${ahead.name} started`);
    // What was started anew serves when it has got past what was shown before, and not at once when it died before.
    await sleep(1_500);
  }
}

/**
 * A process of a replica crashes every few seconds. The replica recovers at once, and shows once more what it delays: it is told to delay
 * just before.
 */
async function crashes(
  cluster: PostgresCluster,
  course: Course,
  { random, note }: { readonly random: () => number; readonly note: (what: string) => void },
): Promise<void> {
  while (!course.isOver) {
    const node = pick(cluster.replicas, random);
    await delay(node, '1s');
    await crash(node);
    note(`a process of ${node.name} crashed`);
    await sleep(600 + random() * 1_000);
    await untilAnswers(node);
    await delay(node, '0');
    await sleep(500 + random() * 1_000);
  }
}

async function untilAnswers(node: PostgresNode): Promise<void> {
  for (let isAnswering = false; !isAnswering;) {
    isAnswering = await node.query('SELECT 1').then(
      () => true,
      () => sleep(20, false),
    );
  }
}

async function everything(
  cluster: PostgresCluster,
  course: Course,
  random: () => number,
  note: (what: string) => void,
): Promise<void> {
  while (!course.isHalfOver) await oneFault(pick(cluster.replicas, random), random, note);
  await failOver(cluster, note);
  const [promoted] = cluster.replicas;
  while (!course.isOver) {
    const node = pick(
      cluster.nodes.filter((one) => one !== promoted),
      random,
    );
    await oneFault(node, random, note);
  }
}

async function oneFault(
  node: PostgresNode,
  random: () => number,
  note: (what: string) => void,
): Promise<void> {
  const forMs = 100 + random() * 500;
  const [begin, end, what] = pick(
    [
      [() => node.pauseReplay(), () => node.resumeReplay(), 'replay paused'],
      [() => node.kill(), () => node.start(), 'killed'],
      [() => node.hang(), () => node.resume(), 'hung'],
      [() => delay(node, DELAY), () => delay(node, '0'), `delayed by ${DELAY}`],
    ] as const,
    random,
  );
  await begin();
  note(`${node.name} ${what} for ${forMs.toFixed(0)} ms`);
  await sleep(forMs);
  await end();
  await sleep(random() * 300);
}

/** How long a replica is told to wait before it replays: MariaDB knows whole seconds. */
const DELAY = forDatabase({ postgres: '200ms', mariadb: '1' });

async function delay(node: PostgresNode, time: string): Promise<void> {
  const statements = forDatabase({
    postgres: [`ALTER SYSTEM SET recovery_min_apply_delay = '${time}'`, 'SELECT pg_reload_conf()'],
    mariadb: [`STOP SLAVE; CHANGE MASTER TO MASTER_DELAY = ${time}; START SLAVE`],
  });
  for (const statement of statements) await node.query(statement);
}

/** A fast shutdown sends all that was committed to the replicas first: nothing that was acknowledged is lost. */
async function failOver(cluster: PostgresCluster, note: (what: string) => void): Promise<void> {
  const [heir, other] = cluster.replicas as [PostgresNode, PostgresNode];
  await cluster.waitForCatchUp();
  await cluster.primary.stop();
  await heir.promote();
  note(`${heir.name} promoted`);
  await other.follow(heir);
  await cluster.primary.follow(heir);
  note('the others follow');
}

function pick<T>(list: readonly T[], random: () => number): T {
  return list[Math.floor(random() * list.length)] as T;
}
