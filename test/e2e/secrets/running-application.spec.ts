import { beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post } from '@nestjs/common';
import { headerToken, MemorySessionStore, type NodeOptions, type ReplicaModuleOptions } from 'nestjs-replica';
import type { PostgresNode } from 'nestjs-replica/testing';
import { DataSource, QueryFailedError } from 'typeorm';
import { tellingLines } from '../../support/secrets/secrets.js';
import { everyEvent, everythingOf } from '../../support/secrets/seen.js';
import { createOddRole, ODD_PASSWORD } from '../../support/cluster/odd-role.js';
import { startApp, optionsFor, accountsOn } from '../../support/app/start-app.js';
import type { TestApp } from '../../support/app/test-app.js';
import { CapturedLogs } from '../../support/app/captured-logs.js';
import { until } from '../../support/until.js';
import { useLedgerCluster } from '../../support/cluster/use-cluster.js';
import { LedgerController } from '../../support/ledger/ledger.controller.js';

/** Of a role that the server refuses. */
const WRONG = `hunter2wr\u00F6ng+& %2F`;
const TOKEN_SECRET = `hunter2t\u00F6ken=; "secret" %3D, of 32 letters or more`;

const cluster = useLedgerCluster();
beforeAll(async () => {
  await createOddRole(cluster);
});

type AsNode = (node: PostgresNode, password: string) => NodeOptions;
const inUrl: AsNode = ({ name, host, port, database }, password) => ({
  name,
  url: `postgres://odd:${encodeURIComponent(password)}@${host}:${port}/${database}`,
});
const inFields: AsNode = ({ name, host, port, database }, password) => ({
  name,
  host,
  port,
  database,
  username: 'odd',
  password,
});
const byFunction: AsNode = (node, password) => ({ ...inFields(node, password), password: () => password });

const errors: unknown[] = [];
const keep = (error: unknown): never => {
  errors.push(error);
  throw error;
};

@Controller()
class FailingController extends LedgerController {
  @Get('accounts/wrong')
  wrong(): Promise<unknown> {
    return this.dataSource.query('SELECT nonsense FROM account').catch(keep);
  }

  @Post('accounts/twice')
  twice(): Promise<unknown> {
    return this.accounts.query('INSERT INTO account (id, owner) VALUES (1, $1)', ['bob']).catch(keep);
  }
}

/** What handlers keep are errors of statements; the others come from `poolErrorHandler`. */
const isOfIdleConnection = (error: unknown): boolean => !(error instanceof QueryFailedError);

/** An application, with all that its loggers get. */
async function start(
  asNode: AsNode,
  changes: Partial<ReplicaModuleOptions>,
): Promise<{ app: TestApp; logs: CapturedLogs; options: ReplicaModuleOptions }> {
  const logs = new CapturedLogs();
  const options = optionsFor(cluster, {
    primary: asNode(cluster.primary, ODD_PASSWORD),
    replicas: cluster.replicas.map((node) => asNode(node, ODD_PASSWORD)),
    logger: logs,
    logging: 'all',
    warnLagMs: 200,
    poolErrorHandler: (error: unknown) => void errors.push(error),
    ...changes,
  });
  const app = await startApp(cluster, [FailingController], options, { logger: logs });
  return { app, logs, options };
}

/** All that answers of an application say, headers included. */
async function answersOf(app: TestApp): Promise<string[]> {
  const url = await app.nest.getUrl();
  const told: string[] = [];
  for (const [method, path] of [
    ['POST', ''],
    ['GET', ''],
    ['GET', '/wrong'],
    ['POST', '/twice'],
    ['GET', '/none'],
    ['GET', ''],
  ] as const) {
    const answer = await fetch(`${url}/accounts${path}`, { method, headers: { 'x-session': 'ann' } });
    told.push(String(answer.status), everythingOf([...answer.headers]), await answer.text());
  }
  return told;
}

/** Ends what the application is connected by; whether it has been told of one that was idle. */
async function loseIdleConnection(dataSource: DataSource): Promise<boolean> {
  await dataSource.query('SELECT 1').catch(() => undefined);
  await cluster.primary.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'odd'`);
  return errors.some(isOfIdleConnection);
}

/** Has the router tell each event that one application can have without a failover. */
async function provokeEvents({ router, dataSource }: TestApp, asNode: AsNode): Promise<void> {
  const [first, second] = cluster.replicas as [PostgresNode, PostgresNode];
  const refused = { ...asNode(second, WRONG), name: 'refused' };
  await router.setReplicas([asNode(first, ODD_PASSWORD), refused]);
  await until(() =>
    router.topology().replicas.some(({ name, health }) => name === 'refused' && health === 'down'),
  );
  await router.drain(first.name);
  router.resume(first.name);
  await until(() => loseIdleConnection(dataSource), 'the error of an idle connection');
  await router.setReplicas([asNode(first, ODD_PASSWORD), asNode(second, ODD_PASSWORD)]);
  await until(() => router.topology().replicas.every(({ health }) => health === 'up'));
}

const SESSIONS = {
  'a store': { session: { key: () => 'ann', store: new MemorySessionStore() } },
  'a token': { session: { token: headerToken(), secrets: [TOKEN_SECRET] } },
} satisfies Record<string, Partial<ReplicaModuleOptions>>;

describe.each([
  ['in a URL', inUrl, SESSIONS['a store']],
  ['in fields', inFields, SESSIONS['a token']],
  ['by a function', byFunction, SESSIONS['a token']],
] as const)('an odd password %s', (_, asNode, changes) => {
  it('works, and is shown by no answer, event, log, status, error or inspection', async () => {
    errors.length = 0;
    const { app, logs, options } = await start(asNode, changes);
    const told: unknown[] = [];
    try {
      const { router, dataSource } = app;
      const events = everyEvent(router);
      told.push(...(await answersOf(app)));
      await provokeEvents(app, asNode);
      told.push(...(await answersOf(app)));
      told.push(
        router.topology(),
        router.counters(),
        router.catalogStatus(),
        events,
        ...errors,
        ...logs.lines,
      );
      const runner = dataSource.createQueryRunner('slave');
      const client: unknown = await runner.connect();
      const {
        driver,
        options: taken,
        manager,
      } = dataSource as unknown as {
        driver: { master: unknown; slaves: unknown; options: unknown };
        options: unknown;
        manager: unknown;
      };
      told.push(router, dataSource, driver, driver.master, driver.slaves, driver.options, taken, manager);
      told.push(runner, client, app.accounts, accountsOn(cluster, options)[0], options.session?.store);
      await runner.release();
      expect(errors.length).toBeGreaterThan(3);
      expect(new Set(events.map((one) => (one as { event: string }).event)).size).toBeGreaterThan(3);
    } finally {
      await app.close();
    }
    told.push(...logs.lines);
    const secrets = [ODD_PASSWORD, WRONG, TOKEN_SECRET, cluster.primary.password];
    expect(secrets.flatMap((secret) => tellingLines(told.map(everythingOf), secret))).toEqual([]);
  });
});
