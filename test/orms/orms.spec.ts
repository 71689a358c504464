import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { heal, useCluster } from '../support/cluster/use-cluster.js';
import { until } from '../support/until.js';
import { ITEMS_SQL, OrmStage } from './support/orm-stage.js';
import { ORMS } from './support/orms.js';
import { PRISMA, prismaOn } from './support/prisma.js';
import { readOn, SCENARIOS } from './support/scenarios.js';

const cluster = useCluster({ replicas: 2, sql: ITEMS_SQL });

const stages = new Map<string, OrmStage>();
const stageOf = (name: string): OrmStage => stages.get(name) as OrmStage;

beforeAll(async () => {
  for (const orm of ORMS) stages.set(orm.name, await OrmStage.open(cluster, orm));
});
afterAll(async () => {
  await Promise.all(Array.from(stages.values(), (stage) => stage.close()));
});

describe.each(ORMS)('$name', ({ name }) => {
  it.each(SCENARIOS)('$title', async (scenario) => {
    const stage = stageOf(name);
    if (scenario.isFor?.(stage.orm) === false) return;
    await cluster.primary.query('UPDATE item SET value = id WHERE value <> id');
    await cluster.waitForCatchUp();
    await expect(scenario.play(stage)).resolves.toBeUndefined();
  });
});

it('Prisma runs raw statements, batches and merged reads where the page says', async () => {
  const stage = stageOf(PRISMA.name);
  const prisma = prismaOn(stage.pool);
  const nodesOf = async (work: () => PromiseLike<unknown>): Promise<readonly string[]> => {
    const told = await stage.statementsOf(() => stage.get(work));
    return told.map(({ node }) => (stage.isReplica(node) ? 'replica' : String(node)));
  };
  expect(await nodesOf(() => prisma.$queryRaw`SELECT value FROM item WHERE id = 1`)).toEqual(['replica']);
  expect(await nodesOf(() => prisma.$executeRaw`SELECT value FROM item WHERE id = 1`)).toEqual(['replica']);
  expect(await nodesOf(() => prisma.$executeRaw`UPDATE item SET value = 1 WHERE id = 1`)).toEqual([
    'primary',
  ]);
  expect(await nodesOf(() => prisma.item.aggregate({ _max: { value: true } }))).toEqual(['replica']);
  const batch = await nodesOf(() =>
    prisma.$transaction([prisma.item.count(), prisma.item.findMany({ take: 1 })]),
  );
  expect(batch.length).toBeGreaterThanOrEqual(2);
  expect(new Set(batch)).toEqual(new Set(['primary']));
  const find = (id: number) => prisma.item.findUniqueOrThrow({ where: { id } });
  expect(await nodesOf(() => Promise.all([find(1), find(2), find(3)]))).toEqual(['replica']);
  await expect(stage.get(() => find(-1))).rejects.toMatchObject({ code: 'P2025' });
  await prisma.$disconnect();
});

it('all of them read on while a replica is killed', async () => {
  let isOver = false;
  const reads = [...stages.values()].map((stage) => readOn(stage, () => isOver));
  const [victim] = cluster.replicas;
  await victim?.kill();
  const isOut = ({ pool }: OrmStage): boolean =>
    pool.router.topology().replicas.some(({ name, health }) => name === victim?.name && health === 'down');
  await until(() => [...stages.values()].every(isOut), 'the killed replica is out of each rotation');
  isOver = true;
  for (const count of await Promise.all(reads)) expect(count).toBeGreaterThan(0);
  await heal(cluster);
});
