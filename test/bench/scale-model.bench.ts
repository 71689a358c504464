/**
 * What many application instances cost the servers, from what few of them cost here: probes and questions for positions (real instances on a
 * real cluster, counted by the servers), the processor time of each, connections, the session store, tokens. Then a simulation plays the
 * arrivals at the primary, at one replica and at Redis for fleets that no test machine could run, and tells what gives way first.
 */
import { startPostgresCluster } from 'nestjs-replica/testing';
import { seededRandom } from '../support/random.js';
import { withCleanUp } from './support/clean-up.js';
import { fillItems } from './support/items.js';
import { playQueue } from './support/queue-model.js';
import { failUnless, isQuick, reportTables, rounded } from './support/report.js';
import { addressOf } from './support/servers.js';
import {
  measureProbes,
  measureRates,
  measureRedis,
  type InstanceRates,
  type UnitCosts,
} from './support/unit-costs.js';

const FOR_MS = isQuick ? 3_000 : 10_000;
/** Replicas lag by so much: sessions that come back sooner have to wait or go to the primary. */
const LAG_MS = 200;
/** Of each instance. */
const LOADS = [0, 10, 50];
/** What docs/scaling.md advises for large fleets. */
const TUNED = { monitor: { intervalMs: 5_000, catchUpIntervalMs: 200 } };

/** A fleet to be imagined. Requests are spread over the instances, sessions over the requests. */
interface Fleet {
  readonly instances: number;
  readonly replicas: number;
  readonly sessions: number;
}

const FLEETS: readonly Fleet[] = [
  { instances: 20, replicas: 2, sessions: 100_000 },
  { instances: 200, replicas: 10, sessions: 1_000_000 },
  { instances: 1_000, replicas: 50, sessions: 10_000_000 },
];

/** Of each server; the library may have a tenth of them before it is in the way. */
const PROCESSORS = 16;
const POOL_SIZE = 10;

interface FleetCost extends Fleet {
  readonly settings: 'defaults' | 'tuned';
  readonly requestsPerSecond: number;
  readonly primaryConnections: number;
  readonly connectionsGigabytes: number;
  readonly replicaShare: number;
  readonly replicaP99Ms: number;
  readonly primaryShare: number;
  readonly primaryP99Ms: number;
  readonly nodePercent: number;
  readonly redisShare: number | null;
  readonly redisGigabytes: number | null;
}

function costOf(
  fleet: Fleet,
  settings: FleetCost['settings'],
  rates: InstanceRates,
  unit: UnitCosts,
): FleetCost {
  const { instances, replicas, sessions } = fleet;
  const random = seededRandom(1);
  const play = (perSecond: number, serviceUs: number, processors: number) =>
    playQueue({ perSecond, serviceUs, processors }, random);
  const { probesPerReplicaPerSecond, asksOfPrimaryPerSecond, requestsPerSecond } = rates;
  const replica = play(instances * probesPerReplicaPerSecond, unit.probeServerUs, PROCESSORS);
  const primary = play(instances * asksOfPrimaryPerSecond, unit.probeServerUs, PROCESSORS);
  // Each request loads its session, and one in ten saves it. Redis has one thread.
  const redis = unit.redis && play(instances * requestsPerSecond * 1.1, unit.redis.commandUs, 1);
  const connections = instances * (POOL_SIZE + 1);
  const nodeUs = (probesPerReplicaPerSecond * replicas + asksOfPrimaryPerSecond) * unit.probeNodeUs;
  return {
    ...fleet,
    settings,
    requestsPerSecond: instances * requestsPerSecond,
    primaryConnections: connections,
    connectionsGigabytes: rounded((connections * unit.connectionBytes) / 2 ** 30, 1),
    replicaShare: rounded(replica.utilization, 3),
    replicaP99Ms: rounded(replica.p99Ms, 2),
    primaryShare: rounded(primary.utilization, 3),
    primaryP99Ms: rounded(primary.p99Ms, 2),
    nodePercent: rounded(nodeUs / 10_000, 1),
    redisShare: redis && rounded(redis.utilization, 3),
    redisGigabytes: unit.redis && rounded((sessions * unit.redis.sessionBytes) / 2 ** 30, 2),
  };
}

await withCleanUp(async (cleanUp) => {
  const cluster = await startPostgresCluster({
    replicas: 2,
    settings: { max_connections: '300', recovery_min_apply_delay: `${LAG_MS}ms` },
  });
  cleanUp.add(() => cluster.stop());
  await fillItems(cluster);
  const address = addressOf(cluster);
  const unit: UnitCosts = { ...(await measureProbes(address, FOR_MS)), redis: await measureRedis(cleanUp) };
  const measured: (InstanceRates & { readonly settings: FleetCost['settings'] })[] = [];
  for (const [settings, routing] of [
    ['defaults', {}],
    ['tuned', TUNED],
  ] as const)
    for (const requestsPerSecond of LOADS)
      measured.push({
        settings,
        ...(await measureRates(address, { requestsPerSecond, forMs: FOR_MS, routing })),
      });
  const busiest = measured.filter(({ requestsPerSecond }) => requestsPerSecond === LOADS.at(-1));
  const fleets = FLEETS.flatMap((fleet) =>
    busiest.map((rates) => costOf(fleet, rates.settings, rates, unit)),
  );
  failUnless(
    measured.every((it) => it.probesPerReplicaPerSecond > 0 && it.asksOfPrimaryPerSecond > 0),
    'every instance probes',
  );
  reportTables(
    { bench: 'scale-model', unit, rates: measured, fleets },
    { 'unit costs': [{ ...unit, ...unit.redis, redis: undefined }], 'one instance': measured, fleets },
  );
});
