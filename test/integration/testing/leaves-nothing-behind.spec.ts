import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startPostgresCluster } from 'nestjs-replica/testing';
import { ClusterOwner, ClusterOwnerOptions, runClusterOwner } from './support/cluster-owner.js';
import { compileTesting } from './support/compile-testing.js';
import { existingSharedMemory, findTraces, sharedMemoryOf } from './support/traces.js';

const NOTHING = { folders: [], processes: [] };
const START = `const cluster = await startPostgresCluster({ backend: 'embedded', replicas: 1 });`;
const READY = `console.log('ready'); setInterval(() => {}, 1000);`;

let entries: Record<'esm' | 'cjs', string>;
let temporaryFolder: string;
let owners: ClusterOwner[];

beforeAll(() => {
  entries = { esm: compileTesting('esm'), cjs: compileTesting('cjs') };
});

afterAll(() => {
  for (const entry of Object.values(entries)) rmSync(path.dirname(entry), { recursive: true });
});

beforeEach(() => {
  temporaryFolder = mkdtempSync(path.join(tmpdir(), 'cluster-traces-'));
  chmodSync(temporaryFolder, 0o777);
  owners = [];
});

afterEach(async () => {
  for (const owner of owners) {
    owner.process.kill('SIGKILL');
    await owner.ended;
  }
  await tracesAfterSettling();
  rmSync(temporaryFolder, { recursive: true });
});

function own(script: string, options: Partial<ClusterOwnerOptions> = {}): ClusterOwner {
  const owner = runClusterOwner({ entry: entries.esm, script, temporaryFolder, ...options });
  owners.push(owner);
  return owner;
}

/** The traces when there are none, or after 15 s. */
async function tracesAfterSettling(): Promise<ReturnType<typeof findTraces>> {
  for (const endMs = performance.now() + 15_000; ; await delay(20)) {
    const traces = findTraces(temporaryFolder);
    if (traces.folders.length + traces.processes.length === 0 || performance.now() > endMs) return traces;
  }
}

async function expectNothingLeft(sharedMemory: readonly string[]): Promise<void> {
  expect(await tracesAfterSettling()).toEqual(NOTHING);
  expect(existingSharedMemory(sharedMemory)).toEqual([]);
}

describe('after stop()', () => {
  it.each(['running', 'hung', 'paused', 'killed'])('nothing is left of %s nodes', async (state) => {
    const owner = own(`
      ${START}
      const [replica] = cluster.replicas;
      if ('${state}' === 'hung') await Promise.all(cluster.nodes.map((one) => one.hang()));
      if ('${state}' === 'paused') await replica.pauseReplay();
      if ('${state}' === 'killed') await Promise.all(cluster.nodes.map((one) => one.kill()));
      await Promise.all([cluster.stop(), cluster.stop()]);
      console.log('stopped'); setInterval(() => {}, 1000);
    `);
    expect(await owner.firstLine).toBe('stopped');
    const { folders, processes } = findTraces(temporaryFolder);
    expect(folders).toEqual([]);
    expect(processes.filter((command) => !command.includes('owner-'))).toEqual([]);
  });

  it('nothing is left of a node that was about to start', async () => {
    const owner = own(`
      ${START}
      const [replica] = cluster.replicas;
      await replica.kill();
      const results = Promise.allSettled([replica.start(), replica.stop()]);
      await cluster.stop();
      console.log((await results)[1].reason.code);
    `);
    expect(await owner.firstLine).toBe('REPLICA_TEST_CLUSTER_STOPPED');
    expect(await owner.ended).toBe(0);
    expect(await tracesAfterSettling()).toEqual(NOTHING);
  });
});

describe('when the process that owns the cluster', () => {
  it.each([
    ['is killed', 'SIGKILL'],
    ['is interrupted', 'SIGINT'],
    ['is terminated', 'SIGTERM'],
  ] as const)('%s, nothing is left', async (_title, signal) => {
    const owner = own(START + READY);
    await owner.firstLine;
    const sharedMemory = sharedMemoryOf(temporaryFolder);
    expect(sharedMemory).toHaveLength(2);
    owner.process.kill(signal);
    expect(await owner.ended).toBe(signal);
    await expectNothingLeft(sharedMemory);
  });

  it('is interrupted with its process group, as by Ctrl-C, the servers run until it has ended', async () => {
    const owner = own(`
      process.once('SIGINT', async () => {
        await new Promise((resolve) => setTimeout(resolve, 300));
        console.error(await cluster.primary.query('SELECT 1 AS answer'));
        await cluster.stop();
        process.exit(7);
      });
      ${START}${READY}
    `);
    await owner.firstLine;
    process.kill(-(owner.process.pid ?? 0), 'SIGINT');
    expect(await owner.ended).toBe(7);
    expect(await tracesAfterSettling()).toEqual(NOTHING);
  });

  it('throws, nothing is left', async () => {
    const owner = own(`${START} console.log('ready'); throw new Error('uncaught');`);
    expect(await owner.ended).toBe(1);
    await expectNothingLeft([]);
  });

  it('exits, nothing is left', async () => {
    const owner = own(`${START} process.exit(3);`);
    expect(await owner.ended).toBe(3);
    await expectNothingLeft([]);
  });

  it('has nothing more to do, it ends, and nothing is left', async () => {
    const owner = own(`${START} console.log('ready');`);
    expect(await owner.ended).toBe(0);
    await expectNothingLeft([]);
  });

  it('is killed while nodes are hung and killed, nothing is left', async () => {
    const owner = own(`${START} await cluster.primary.hang(); await cluster.replicas[0].kill(); ${READY}`);
    await owner.firstLine;
    const sharedMemory = sharedMemoryOf(temporaryFolder);
    owner.process.kill('SIGKILL');
    await expectNothingLeft(sharedMemory);
  });

  it.each([100, 250, 400, 550, 700])('is killed %i ms after its start, nothing is left', async (afterMs) => {
    const owner = own(`console.log('starting'); ${START}${READY}`);
    await owner.firstLine;
    await delay(afterMs);
    const sharedMemory = sharedMemoryOf(temporaryFolder);
    owner.process.kill('SIGKILL');
    await owner.ended;
    await expectNothingLeft(sharedMemory);
  });
});

describe('a cluster starts and leaves nothing behind', () => {
  const STOP = `console.log(await cluster.replicas[0].query('SELECT 1')); await cluster.stop();`;

  it.each(['esm', 'cjs'] as const)('from the %s build', async (format) => {
    const owner = own(`${START} console.log('ready'); await cluster.stop();`, { entry: entries[format] });
    await owner.firstLine;
    expect(await owner.ended).toBe(0);
    expect(findTraces(temporaryFolder)).toEqual(NOTHING);
  });

  it('as a user who is not root', async () => {
    const [, , uid, gid] = (readFileSync('/etc/passwd', 'utf8').match(/^nobody:.*$/m)?.[0] ?? '').split(':');
    const user = process.getuid?.() === 0 ? { uid: Number(uid), gid: Number(gid) } : undefined;
    const owner = own(`${START} ${STOP}`, { user });
    await owner.firstLine;
    expect(await owner.ended).toBe(0);
    expect(findTraces(temporaryFolder)).toEqual(NOTHING);
  });

  it('while another cluster runs in the same process', async () => {
    const clusters = await Promise.all([
      startPostgresCluster({ replicas: 1 }),
      startPostgresCluster({ replicas: 1 }),
    ]);
    try {
      const ports = clusters.flatMap(({ nodes }) => nodes.map(({ port }) => port));
      expect(new Set(ports).size).toBe(4);
      await clusters[0].stop();
      await clusters[1].primary.query('CREATE TABLE alone (id int)');
      await clusters[1].waitForCatchUp();
      expect(await clusters[1].replicas[0]?.query('SELECT * FROM alone')).toEqual([]);
    } finally {
      await Promise.all(clusters.map((one) => one.stop()));
    }
  });
});
