import { beforeAll, expect, it } from '@jest/globals';
import { ReplicaDataSource } from 'nestjs-replica';
import { readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { startSource } from '../support/app/start-source.js';
import { until } from '../support/until.js';
import { useCluster } from '../support/cluster/use-cluster.js';

/** A newcomer follows a read through so many files at most. */
const MAX_FILES = 12;

const PAGE = 'docs/architecture.md';

const cluster = useCluster({ replicas: 1 });
let source: ReplicaDataSource;

beforeAll(async () => {
  source = await startSource(cluster, { entities: [], prepare: false });
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
