import '../support/cluster/on-mariadb.js';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ReplicaDataSource } from 'nestjs-replica';
import { instrumentReplica } from 'nestjs-replica/opentelemetry';
import { SpanRecorder } from '../e2e/observability/support/spans.js';
import { startSource } from '../support/app/start-source.js';
import { useLedgerCluster } from '../support/cluster/use-cluster.js';
import { Account } from '../support/ledger/accounts.js';
import { until } from '../support/until.js';

const cluster = useLedgerCluster({ replicas: 1 });

describe('instrumentReplica() on MariaDB', () => {
  let recorder: SpanRecorder;
  let source: ReplicaDataSource;
  beforeAll(async () => {
    recorder = new SpanRecorder();
    source = await startSource(cluster);
    instrumentReplica(source.router);
  });
  afterAll(() => recorder.stop());

  it('makes one span for each statement, below the span of its caller, and none for probes', async () => {
    const accounts = source.getRepository(Account);
    const read = (id: number): Promise<unknown> =>
      source.router.runOnReplica({}, () => accounts.findOneBy({ id }));
    for (let index = 0; index < 30; index++) await read(1);
    recorder.take();
    const { version } = source.router.topology();
    await Promise.all([1, 2, 3, 4].map((id) => recorder.within(`caller ${id}`, () => read(id))));
    await until(() => source.router.topology().version > version + 5, 'some probes');
    await recorder.within('writer', () => accounts.increment({ id: 1 }, 'balance', 1));
    const spans = recorder.take();
    expect(spans.map(({ name, parent }) => `${parent}: ${name}`).toSorted()).toEqual([
      ...[1, 2, 3, 4].map((id) => `caller ${id}: SELECT account`),
      'writer: UPDATE account',
    ]);
    expect(spans[0]).toMatchObject({
      scope: 'nestjs-replica',
      isClient: true,
      attributes: {
        'db.system.name': 'mariadb',
        'db.namespace': cluster.primary.database,
        'server.port': cluster.replicas[0]?.port,
        'replica.node': 'replica-1',
      },
    });
  });
});
