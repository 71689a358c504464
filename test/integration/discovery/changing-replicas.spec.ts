import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { DataSourceRouter, NodeOptions } from 'nestjs-replica';
import { eventually } from '../../faults/support/clock.js';
import { FaultStage } from '../../faults/support/fault-stage.js';
import { LoadedApp } from '../../faults/support/loaded-app.js';
import type { PostgresNode } from 'nestjs-replica/testing';
import { until } from '../../support/until.js';

const LOAD = { readers: 8, writers: 2, thinkMs: 5, reportMs: 0 };
const BEGUN = { faultMs: 0, readsDueMs: 0, writesDueMs: 0 };
const NO_HARM = { staleOwnReads: 0, nonMonotonicReads: 0, errors: {} };

describe('readers and writers whose sessions are checked, while replicas come and go', () => {
  let stage: FaultStage;
  let app: LoadedApp;
  let first: PostgresNode;
  let second: PostgresNode;

  beforeAll(async () => {
    stage = await FaultStage.set({}, LOAD.writers);
    [first, second] = stage.replicas as [PostgresNode, PostgresNode];
  });
  afterAll(() => stage.clear());

  beforeEach(() => stage.resetRows());
  afterEach(async () => {
    await app.stopLoad();
    expect(await app.close()).toEqual({ leakedListeners: 0, leakedSockets: 0 });
  });

  async function start(...replicas: PostgresNode[]): Promise<DataSourceRouter> {
    app = await LoadedApp.start({
      app: {
        system: 'nestjs-replica',
        ...stage.addresses({ isProxied: false }),
        replicas: replicas.map(optionsOf) as never,
        routing: { monitor: { intervalMs: 100, probeTimeoutMs: 1_000 } },
      },
      load: LOAD,
      deadlineMs: 10_000,
      isStartOnly: replicas.length === 0,
    });
    await app.startLoad();
    return app.router as DataSourceRouter;
  }

  const optionsOf = ({ name, url }: PostgresNode): NodeOptions => ({ name, url });
  const served = (...nodes: PostgresNode[]): Promise<number | null> =>
    app.served(
      nodes.map(({ name }) => name),
      10_000,
    );

  async function harm(): Promise<object> {
    const { staleOwnReads, nonMonotonicReads, errors } = await app.report(BEGUN);
    return { staleOwnReads, nonMonotonicReads, errors };
  }

  /** Once more than a moment's reads have been answered. */
  async function someReads(): Promise<void> {
    const { reads } = await app.report(BEGUN);
    await until(async () => (await app.report(BEGUN)).reads >= reads + 50);
  }

  /** Of the application and its monitor; servers take a moment to notice the end of a connection. */
  async function isLeft({ name }: PostgresNode): Promise<boolean> {
    const isEmpty = async (): Promise<true | undefined> =>
      (await stage.connections(['faults-app', 'nestjs-replica monitor']))[name] === 0 || undefined;
    return (await eventually(isEmpty, 5_000)) === true;
  }

  it('read from a replica soon after it was added, and no more after it was removed', async () => {
    const router = await start(first);
    await router.setReplicas([first, second].map(optionsOf));
    expect(await served(first, second)).not.toBeNull();
    await router.setReplicas([optionsOf(second)]);
    expect(router.topology().replicas.map(({ name }) => name)).toEqual([second.name]);
    expect(await isLeft(first)).toBe(true);
    expect(await served(second)).not.toBeNull();
    expect(await harm()).toEqual(NO_HARM);
  });

  it('do not notice that the list of replicas changes again and again', async () => {
    const router = await start(first, second);
    const lists = [[first], [second], [], [first, second], [second, first], [second], [first, second]];
    for (const list of lists) {
      await router.setReplicas(list.map(optionsOf));
      await someReads();
      if (list.length > 0) expect(await served(...list)).not.toBeNull();
    }
    expect(await harm()).toEqual(NO_HARM);
  });

  it('do not notice that the server behind a name is another one', async () => {
    const router = await start(first);
    for (const { url } of [second, first, second]) {
      await router.setReplicas([{ name: 'the-one', url }]);
      await someReads();
    }
    await until(() => router.topology().replicas[0]?.health === 'up');
    expect(await served(second)).not.toBeNull();
    expect(await isLeft(first)).toBe(true);
    expect(await harm()).toEqual(NO_HARM);
  });

  it('are served by replicas that are added where there were none', async () => {
    const router = await start();
    await someReads();
    expect((await app.report(BEGUN)).reasons).toEqual({ 'routing-disabled': expect.any(Number) });
    await router.setReplicas([first, second].map(optionsOf));
    expect(await served(first, second)).not.toBeNull();
    await someReads();
    expect(await harm()).toEqual(NO_HARM);
  });

  it('do not notice that replicas are drained, and read from them again when they are resumed', async () => {
    const router = await start(first, second);
    for (const node of [first, second]) {
      await router.drain(node.name);
      await someReads();
      await node.stop();
      await someReads();
      await node.start();
      router.resume(node.name);
      expect(await served(node)).not.toBeNull();
    }
    expect(await harm()).toEqual(NO_HARM);
    expect((await app.report(BEGUN)).nodeErrors).toEqual({});
  });
});
