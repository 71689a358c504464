import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import { startPostgresCluster, type PostgresCluster } from 'nestjs-replica/testing';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { optionsFor, until } from '../support/test-app.js';

/** A newcomer follows a read through so many files at most. */
const MAX_FILES = 12;

const PAGE = 'docs/architecture.md';

let cluster: PostgresCluster;
let source: ReplicaDataSource;

beforeAll(async () => {
  cluster = await startPostgresCluster({ replicas: 1 });
  source = new ReplicaDataSource({ ...optionsFor(cluster), entities: [], prepare: false });
  await source.initialize();
});
afterAll(async () => {
  await source?.destroy();
  await cluster?.stop();
});

/** The files of the library that stand between the caller of `fn` and each write to a socket, from the outermost to the innermost. */
async function filesTo(isMeant: (chunk: unknown) => boolean, fn: () => Promise<unknown>): Promise<string[]> {
  const { stackTraceLimit } = Error;
  const found: string[][] = [];
  // oxlint-disable-next-line typescript/unbound-method -- called on its socket
  const { write } = Socket.prototype;
  Error.stackTraceLimit = 200;
  Socket.prototype.write = function (this: Socket, ...args: Parameters<Socket['write']>) {
    if (isMeant(args[0])) {
      const stack = (new Error('here').stack ?? '').split('\n');
      const files = stack.map((line) => /libs\/replica\/src\/([\w./-]+\.ts)/.exec(line)?.[1]);
      found.push([...new Set(files.filter((file) => file !== undefined).toReversed())]);
    }
    return write.apply(this, args);
  } as Socket['write'];
  try {
    await fn();
  } finally {
    Socket.prototype.write = write;
    Error.stackTraceLimit = stackTraceLimit;
  }
  return found[0] ?? [];
}

it('leads through the files that the page of the architecture lists', async () => {
  const text = 'SELECT 17 AS followed';
  const read = (): Promise<unknown> => source.router.runOnReplica({}, () => source.query(text));
  const isRead = (chunk: unknown): boolean => Buffer.isBuffer(chunk) && chunk.includes(text);
  let files: string[] = [];
  // A text shares a connection once it is known to be fast, and that connection has to be there.
  await until(async () => {
    files = await filesTo(isRead, read);
    return files.includes('postgres/routing-client.ts') && files.includes('execution/lanes/read-lane.ts');
  }, 'a read that is sent at once, on a lane');

  const page = readFileSync(PAGE, 'utf8');
  const section = page.slice(page.indexOf('### A read on its way'));
  const listed = [...section.matchAll(/^\d+\. \[[\w.-]+\]\(\.\.\/libs\/replica\/src\/([\w./-]+)\)/gm)];
  const way = files.slice(files.indexOf('postgres/routing-client.ts'));
  expect(way).toEqual(listed.map(([, file]) => file));
  expect(way.length).toBeLessThanOrEqual(MAX_FILES);
});
