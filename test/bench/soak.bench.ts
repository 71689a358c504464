/**
 * What takes memory: bytes of a request's context, of a cached statement and of a session in memory; and heap and connections of an
 * application over many HTTP requests that read and write on a primary with two replicas. Each answer is checked.
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startPostgresCluster } from 'nestjs-replica/testing';
import type { SoakAppOptions, SoakSample } from './soak-app.js';
import type { Sizes } from './soak-sizes.js';
import { runInChild } from './support/child.js';
import { withCleanUp, type CleanUp } from './support/clean-up.js';
import { failUnless, isQuick, reportTables, rounded, say, target } from './support/report.js';
import { addressOf, Servers } from './support/servers.js';
import { SOAK_SESSIONS, SoakLoad } from './support/soak-load.js';

const REQUESTS = isQuick ? 40_000 : 1_000_000;
/** After this many requests, compiled code, pools, caches and sessions exist. */
const WARM_UP_REQUESTS = isQuick ? 15_000 : 50_000;
/** How much the heap may grow, whatever the number of requests, because compiled code still comes and goes. */
const FLAT_BYTES = 4_000_000;
const POOL_SIZE = 8;
const REPLICAS = 2;
/** The pool of each node, and the monitor's connections. */
const MAX_CONNECTIONS = (REPLICAS + 1) * (POOL_SIZE + 1);
const MAX_SESSIONS_MEGABYTES = 200;

interface Sample {
  readonly at: string;
  readonly requests: number;
  readonly heapMegabytes: number;
  readonly rssMegabytes: number;
  /** To all nodes together. */
  readonly connections: number;
  readonly activeResources: number;
}

async function startApp(
  options: SoakAppOptions,
  cleanUp: CleanUp,
): Promise<{ app: ChildProcess; port: number }> {
  const app = fork(join(import.meta.dirname, 'soak-app.js'), {
    execArgv: ['--expose-gc', '--enable-source-maps'],
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  const exited = once(app, 'exit');
  cleanUp.add(async () => {
    app.kill('SIGKILL');
    await exited;
  });
  app.send(options);
  const [{ port }] = (await Promise.race([
    once(app, 'message'),
    exited.then(() => Promise.reject(new Error('the application has ended'))),
  ])) as [AddressInfo];
  return { app, port };
}

async function soak(cleanUp: CleanUp): Promise<Sample[]> {
  const starting = startPostgresCluster({ replicas: REPLICAS });
  cleanUp.add(async () => (await starting).stop());
  const cluster = await starting;
  await cluster.primary.query(
    'CREATE TABLE item (id int PRIMARY KEY, value int NOT NULL) WITH (fillfactor = 50)',
  );
  await cluster.primary.query(`INSERT INTO item SELECT n, 0 FROM generate_series(1, ${SOAK_SESSIONS}) n`);
  await cluster.waitForCatchUp();
  const servers = await Servers.connect(addressOf(cluster));
  cleanUp.add(() => servers.close());
  const { app, port } = await startApp({ cluster: addressOf(cluster), poolSize: POOL_SIZE }, cleanUp);
  const load = new SoakLoad(port);
  cleanUp.add(() => load.end());

  const samples: Sample[] = [];
  const take = async (at: string, requests: number): Promise<void> => {
    app.send({});
    const [taken] = (await once(app, 'message')) as [SoakSample];
    samples.push({
      at,
      requests,
      heapMegabytes: rounded(taken.heldBytes / 1e6, 2),
      rssMegabytes: rounded(taken.rssBytes / 1e6, 1),
      connections: await servers.connections(),
      activeResources: taken.activeResources,
    });
    say(`--- ${JSON.stringify(samples.at(-1))}`);
  };
  await load.run(WARM_UP_REQUESTS);
  await take('start', 0);
  for (const at of ['quarter', 'middle', 'three quarters', 'end']) {
    await load.run(REQUESTS / 4);
    await take(at, (samples.length * REQUESTS) / 4);
  }
  return samples;
}

await withCleanUp(async (cleanUp) => {
  say('--- sizes');
  const sizes = await runInChild<Sizes>(join(import.meta.dirname, 'soak-sizes.js'), {}, { cleanUp });
  say(`--- ${REQUESTS} requests`);
  const samples = await soak(cleanUp);
  const [start] = samples as [Sample, ...Sample[]];
  const end = samples.at(-1) as Sample;
  const grownBytes = Math.round((end.heapMegabytes - start.heapMegabytes) * 1e6);
  const connections = Math.max(...samples.map((it) => it.connections));
  const targets = [
    target('MB of 1,000,000 sessions in memory', sizes.sessionsMegabytes, { atMost: MAX_SESSIONS_MEGABYTES }),
    target(`bytes that the heap grew by over ${REQUESTS} requests`, grownBytes, { atMost: FLAT_BYTES }),
    target('connections', connections, { atMost: MAX_CONNECTIONS }),
  ];
  // This does not depend on speed: a leak shows on every machine.
  failUnless(grownBytes <= FLAT_BYTES, `the heap grew by ${grownBytes} bytes over ${REQUESTS} requests`);
  failUnless(connections <= MAX_CONNECTIONS, `${connections} connections are open`);
  failUnless(
    end.activeResources <= start.activeResources + POOL_SIZE,
    `the process waits for ${end.activeResources} things, at the start for ${start.activeResources}`,
  );
  reportTables(
    { bench: 'soak', sizes, requests: REQUESTS, samples, targets },
    { sizes: [sizes], samples, targets },
  );
});
