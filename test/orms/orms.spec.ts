import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { heal, useCluster } from '../support/cluster/use-cluster.js';
import { until } from '../support/until.js';
import { ITEMS_SQL, OrmStage } from './support/orm-stage.js';
import { ORMS } from './support/orms.js';
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
