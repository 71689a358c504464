import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect, Socket } from 'node:net';
import request from 'supertest';
import { findTraces } from '../../integration/testing/support/traces.js';
import { FreshClone } from './support/fresh-clone.js';
import { Program } from './support/program.js';
import { until } from '../../support/until.js';
import { useCluster } from '../../support/cluster/use-cluster.js';

const BUILT = ['node', 'dist/apps/shop/src/main.js'];

let clone: FreshClone;
let programs: Program[] = [];

/** `npm start`, which also builds what the other tests run. */
let npmStart: Program;

beforeAll(async () => {
  clone = new FreshClone();
  npmStart = run(['npm', 'start']);
  await npmStart.url();
});

afterEach(async () => {
  await Promise.all(programs.map((program) => program.kill()));
});

afterAll(async () => {
  await until(nothingIsLeft, 'nothing is left');
  clone.remove();
});

function run(command: string[], env?: Record<string, string>): Program {
  const program = new Program(clone, command, env);
  programs = [program];
  return program;
}

async function openConnection(url: string, text: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), 'localhost');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write(text);
  return socket.resume();
}

function nothingIsLeft(): boolean {
  const { folders, processes } = findTraces(clone.temporaryFolder);
  return folders.length + processes.length === 0;
}

/** Sends the signal and expects the program to end as it should. */
async function expectToStop(program: Program, send: () => void): Promise<void> {
  const startedMs = performance.now();
  send();
  expect(await program.ended).toBe(0);
  expect(performance.now() - startedMs).toBeLessThan(30_000);
  expect(program.lines.at(-1)).toBe('stopped');
  expect(findTraces(clone.temporaryFolder)).toEqual({ folders: [], processes: [] });
}

const cluster = useCluster({ replicas: 1 });

describe('npm start', () => {
  it('builds and starts all of a fresh clone, says what to try, and leaves nothing at Ctrl-C', async () => {
    const url = await npmStart.url();
    const status = await request(url).get('/status').expect(200);
    expect(status.body.replicas).toHaveLength(2);
    const products = await request(url).get('/products').expect(200);
    expect(products.body).toMatchObject({ total: 1000, page: 1 });

    await npmStart.line(/Ctrl-C stops everything/);
    const { output, lines } = npmStart;
    expect(output).toMatch(/primary on port \d+\n +replica-1 on port \d+\n +replica-2 on port \d+/);
    expect(output).toContain('migrated: CreateShop1764547200000\nseeded: 1000 products\n');
    expect(lines.filter((line) => line.startsWith('  curl '))).toHaveLength(3);

    // A terminal sends it to npm and to the shop.
    await expectToStop(npmStart, () => npmStart.signalGroup('SIGINT'));
  });
});

describe('the built program', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('ends at %s, whatever connections are open', async (signal) => {
    const program = run(BUILT);
    const url = await program.url();
    const idle = await openConnection(url, 'GET /products HTTP/1.1\r\nhost: shop\r\n\r\n');
    await once(idle, 'data');
    const unfinished = await openConnection(
      url,
      'POST /orders HTTP/1.1\r\nhost: shop\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{',
    );
    await request(url).get('/status').expect(200);
    await expectToStop(program, () => program.signal(signal));
    await until(() => idle.closed && unfinished.closed, 'both connections are closed');
  });

  it('leaves nothing when Ctrl-C comes while it starts', async () => {
    const program = run(BUILT);
    await program.line(/starting PostgreSQL/);
    program.signal('SIGINT');
    expect(await program.ended).toBe('SIGINT');
    await until(nothingIsLeft, 'nothing is left');
  });

  it('says which port is taken, and leaves nothing', async () => {
    const first = run(BUILT);
    const { port } = new URL(await first.url());
    const second = new Program(clone, BUILT, { PORT: port });
    programs.push(second);
    expect(await second.ended).toBe(1);
    expect(second.lines.at(-1)).toMatch(new RegExp(`EADDRINUSE.*${port}`));
    await until(() => findTraces(clone.temporaryFolder).folders.length === 1, 'only the first one is left');
    await expectToStop(first, () => first.signal('SIGINT'));
  });

  it('uses the database of DATABASE_URL, and fills it once', async () => {
    const env = {
      DATABASE_URL: cluster.primary.url,
      DATABASE_READ_REPLICA_URL: cluster.replicas[0]?.url ?? '',
    };
    const first = run(BUILT, env);
    const url = await first.url();
    expect(first.output).toContain('migrated: CreateShop1764547200000\nseeded: 1000 products\n');
    expect(first.output).not.toContain('starting PostgreSQL');
    await request(url).patch('/products/1').send({ price: 77 }).expect(200);
    await expectToStop(first, () => first.signal('SIGTERM'));

    const second = run(BUILT, { ...env, ENABLE_READ_REPLICA: '0' });
    const product = await request(await second.url())
      .get('/products/1')
      .expect(200);
    expect(second.output).toContain('migrated: nothing to do\nseeded: not needed');
    expect(product.body.price).toBe(77);
    expect(product.headers).toMatchObject({
      'x-replica-node': 'primary',
      'x-replica-reason': 'routing-disabled',
    });
    await expectToStop(second, () => second.signal('SIGTERM'));
  });

  it('runs on MariaDB where that is installed, and says what to install where it is not', async () => {
    const program = run([...BUILT, '--database', 'mariadb']);
    const url = await Promise.race([program.url().catch(() => undefined), program.ended]);
    if (typeof url !== 'string') {
      expect(program.lines.at(-1)).toContain("install MariaDB's server");
      return;
    }
    const product = await request(url).get('/products/1').expect(200);
    expect(product.headers['x-replica-node']).toMatch(/^replica-\d$/);
    expect(program.output).toContain('starting MariaDB, a primary and two replicas');
    await expectToStop(program, () => program.signal('SIGINT'));
  });

  it('says which databases there are', async () => {
    const wrong = run([...BUILT, '--database', 'oracle']);
    expect(await wrong.ended).toBe(1);
    expect(wrong.lines).toEqual(['--database is "oracle"; it must be one of postgres, mariadb']);
  });

  it('says what is wrong with DATABASE_URL, without its password', async () => {
    const wrong = run(BUILT, { DATABASE_URL: 'mongodb://me:secret@localhost/shop' });
    expect(await wrong.ended).toBe(1);
    expect(wrong.output).toContain('DATABASE_URL');
    const absent = run(BUILT, { DATABASE_URL: 'postgres://me:secret@127.0.0.1:1/shop' });
    expect(await absent.ended).toBe(1);
    expect(absent.output).toContain('127.0.0.1:1');
    expect(wrong.output + absent.output).not.toContain('secret');
  });
});
