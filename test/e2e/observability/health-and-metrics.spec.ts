import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject } from '@nestjs/common';
import { HealthCheck, type HealthCheckResult, HealthCheckService, TerminusModule } from '@nestjs/terminus';
import { ReplicaModule, type ReplicaModuleOptions } from 'nestjs-replica';
import { ReplicaMetricsModule } from 'nestjs-replica/prometheus';
import { ReplicaHealthIndicator } from 'nestjs-replica/terminus';
import { Registry } from 'prom-client';
import { accountsOn, launchReady, optionsFor } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { heal, useLedgerCluster } from '../../support/cluster/use-cluster.js';
import { LedgerController } from '../../support/ledger/ledger.controller.js';
import { until } from '../../support/until.js';

@Controller('health')
class HealthController {
  constructor(
    @Inject(HealthCheckService) private readonly checks: HealthCheckService,
    @Inject(ReplicaHealthIndicator) private readonly replicas: ReplicaHealthIndicator,
  ) {}

  @Get('reads')
  @HealthCheck()
  reads(): Promise<HealthCheckResult> {
    return this.checks.check([() => this.replicas.isReady('database', { minReplicas: 1 })]);
  }

  @Get('writes')
  @HealthCheck()
  writes(): Promise<HealthCheckResult> {
    return this.checks.check([() => this.replicas.isReady('database', { needs: 'write' })]);
  }

  @Get('both')
  @HealthCheck()
  both(): Promise<HealthCheckResult> {
    const needs = { minReplicas: 2 };
    return this.checks.check([
      () => this.replicas.isReady('database', needs),
      () => this.replicas.isReady('reports', { ...needs, dataSource: 'reports' }),
    ]);
  }

  @Get('mistakes')
  @HealthCheck()
  mistakes(): Promise<HealthCheckResult> {
    return this.checks.check([
      () => this.replicas.isReady('typo', { minReplicas: -1 }),
      () => this.replicas.isReady('missing', { dataSource: 'archive' }),
    ]);
  }
}

const cluster = useLedgerCluster();
const registry = new Registry();

/** A second data source, with one of the replicas only. */
function reportsOptions(): ReplicaModuleOptions {
  const options = optionsFor(cluster);
  return { ...options, name: 'reports', replicas: options.replicas?.slice(0, 1), entities: [] };
}

function launchApp(): Promise<TestApp> {
  return launchReady({
    imports: [
      ...accountsOn(cluster),
      ReplicaModule.forRoot(reportsOptions()),
      ReplicaMetricsModule.forRoot({ registry }),
      TerminusModule,
    ],
    controllers: [LedgerController, HealthController],
    providers: [ReplicaHealthIndicator],
  });
}

let app: TestApp;
beforeAll(async () => {
  app = await launchApp();
});
afterAll(() => app.close());

describe('ReplicaMetricsModule', () => {
  it('reports what the application did', async () => {
    await app.get('/accounts/1', 'reader');
    await app.post('/accounts/1/add', 'writer');
    const text = await registry.metrics();
    expect(text).toMatch(/statements_total\{[^}]*role="replica",kind="read",[^}]*outcome="ok"\} [1-9]/);
    expect(text).toMatch(/statements_total\{[^}]*role="primary",kind="write",[^}]*outcome="ok"\} [1-9]/);
    expect(text).toMatch(/duration_seconds_count\{[^}]*role="replica",kind="read"\} [1-9]/);
    expect(text).toMatch(/node_lag_seconds\{data_source="default",node="replica-1"\} \d/);
    expect(text).toMatch(/pool_connections_max\{data_source="default",node="primary"\} [1-9]/);
    expect(text).toContain(`address="${cluster.primary.host}:${cluster.primary.port}"`);
    expect(text).not.toContain('SELECT');
    expect(text).not.toContain(cluster.primary.password);
  });

  it('leaves the registry with the application, and comes back with the next one', async () => {
    const other = await launchApp();
    expect(await registry.metrics()).toContain('nestjs_replica_node_up');
    await other.close();
    expect(await registry.metrics()).toContain('nestjs_replica_node_up');
    await app.close();
    expect(registry.getMetricsAsArray()).toEqual([]);
    app = await launchApp();
    expect(await registry.metrics()).toContain('nestjs_replica_node_up');
  });
});

describe('ReplicaHealthIndicator', () => {
  const health = async (path: string): Promise<{ status: number; state: unknown; body: unknown }> => {
    const { status, body } = await app.get(`/health/${path}`);
    return { status, body, state: body.details?.database?.status ?? body.status };
  };
  const untilState = (path: string, state: string): Promise<void> =>
    until(async () => (await health(path)).state === state, `/health/${path} to be ${state}`);

  it('is up while the primary and enough replicas answer', async () => {
    expect(await health('reads')).toMatchObject({ status: 200, state: 'up' });
    expect(await health('writes')).toMatchObject({ status: 200, state: 'up' });
  });

  it('judges each of two data sources by its own nodes', async () => {
    expect(await health('both')).toMatchObject({
      status: 200,
      body: {
        status: 'degraded',
        details: {
          database: { status: 'up', replicas: 2, serving: 2 },
          reports: { status: 'degraded', replicas: 1, serving: 1 },
        },
      },
    });
  });

  it('is down with a message, and not an error of the server, if it was called wrongly', async () => {
    const { status, body } = await health('mistakes');
    expect(status).toBe(503);
    expect(body).toMatchObject({
      details: {
        typo: { status: 'down', message: expect.stringContaining('minReplicas') },
        missing: { status: 'down', message: expect.stringContaining('no data source or pool of that name') },
      },
    });
  });

  it('is degraded without the primary, and down for those who write', async () => {
    await cluster.primary.kill();
    await untilState('reads', 'degraded');
    await untilState('writes', 'down');
    expect(await health('reads')).toMatchObject({ status: 200, body: { status: 'degraded' } });
    expect((await health('writes')).status).toBe(503);
    expect((await app.get('/accounts/1')).status).toBe(200);
    await heal(cluster);
    await untilState('writes', 'up');
  });

  it('is degraded without replicas, and down without any node', async () => {
    for (const replica of cluster.replicas) await replica.kill();
    await untilState('reads', 'degraded');
    expect(await health('reads')).toMatchObject({
      status: 200,
      body: { details: { database: { primary: 'up', replicas: 2, serving: 0 } } },
    });
    expect(await registry.metrics()).toMatch(/node_up\{[^}]*node="replica-1",role="replica"\} 0/);
    expect(await health('writes')).toMatchObject({ status: 200, state: 'up' });
    await cluster.primary.kill();
    await untilState('reads', 'down');
    expect((await health('reads')).status).toBe(503);
  });
});
