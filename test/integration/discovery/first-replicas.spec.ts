import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Param, Post, ParseIntPipe } from '@nestjs/common';
import { cookieToken, fromHeader, type ReplicaModuleOptions } from 'nestjs-replica';
import type { PostgresNode } from 'nestjs-replica/testing';
import request from 'supertest';
import { startApp } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { until } from '../../support/until.js';
import { Gate } from '../../support/gate.js';
import { useLedgerCluster, resetLedger } from '../../support/cluster/use-cluster.js';
import { LedgerController } from '../../support/ledger/ledger.controller.js';

let gate = new Gate();

@Controller()
class GatedController extends LedgerController {
  /** Writes when it is let through. */
  @Post('accounts/:id/gated')
  async gated(@Param('id', ParseIntPipe) id: number): Promise<object> {
    await gate.pass();
    return this.add(id);
  }
}

const cluster = useLedgerCluster({ replicas: 1 });

describe('the first replicas of a data source that had none', () => {
  let app: TestApp;

  beforeEach(() => void (gate = new Gate()));
  afterEach(async () => {
    await cluster.replicas[0]?.resumeReplay();
    await app.close();
  });

  async function start(session: ReplicaModuleOptions['session']): Promise<void> {
    await resetLedger(cluster);
    app = await startApp(cluster, [GatedController], {
      replicas: [],
      session,
    });
  }

  async function addReplica(): Promise<PostgresNode> {
    const replica = cluster.replicas[0] as PostgresNode;
    await app.router.setReplicas([{ name: replica.name, url: replica.url }]);
    await until(() => app.router.topology().replicas[0]?.health === 'up');
    await until(() => (app.router.topology().replicas[0]?.lagMs ?? null) !== null);
    return replica;
  }

  it('do not hide a write of a request that began before them', async () => {
    await start({ key: fromHeader('x-session') });
    const writing = app.post('/accounts/1/gated', 'ann');
    await gate.reached;
    const replica = await addReplica();
    // In another tab, say: so it is known where the session reads.
    await app.getUntil('/accounts/1', 'ann', ({ nodes }) => nodes[0] === replica.name);
    await replica.pauseReplay();
    expect(await app.get('/accounts/1', 'ann')).toMatchObject({
      body: { balance: 0 },
      nodes: [replica.name],
    });
    gate.open();
    expect((await writing).status).toBe(201);
    expect(await app.get('/accounts/1', 'ann')).toMatchObject({ body: { balance: 1 }, nodes: ['primary'] });
  });

  it('do not hide it from a client that carries its state itself', async () => {
    await start({
      token: cookieToken(),
      secrets: ['one secret of at least 32 letters for all'],
    });
    const client = request.agent(app.nest.getHttpServer());
    const writing = client.post('/accounts/1/gated').then((answer) => answer.status);
    await gate.reached;
    const replica = await addReplica();
    await until(
      async () => (await client.get('/accounts/1')).headers['x-replica-node'] === replica.name,
      'a read from the replica',
    );
    await replica.pauseReplay();
    gate.open();
    expect(await writing).toBe(201);
    expect((await client.get('/accounts/1')).body).toMatchObject({ balance: 1 });
  });

  it('do not hide what was written before them', async () => {
    await start({ key: fromHeader('x-session') });
    const replica = cluster.replicas[0] as PostgresNode;
    await replica.pauseReplay();
    gate.open();
    expect((await app.post('/accounts/1/gated', 'ann')).status).toBe(201);
    await app.router.setReplicas([{ name: replica.name, url: replica.url }]);
    await until(() => app.router.topology().replicas[0]?.health === 'down');
    expect(app.router.topology().replicas[0]?.problem).toBe(
      'it has to pass what the primary had when replicas were added',
    );
    expect(await app.get('/accounts/1', 'ann')).toMatchObject({ body: { balance: 1 }, nodes: ['primary'] });
    await replica.resumeReplay();
    const later = await app.getUntil('/accounts/1', 'ann', ({ nodes }) => nodes[0] === replica.name);
    expect(later.body).toMatchObject({ balance: 1 });
  });
});
