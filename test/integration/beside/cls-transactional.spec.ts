import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { keepOutput } from '../../support/quiet/keep-output.js';
import { useLedgerCluster, whilePaused } from '../../support/cluster/use-cluster.js';
import { Transcript } from '../../support/cluster/transcript.js';

const SUPPORT = path.resolve('test/integration/beside/support');

interface Answer {
  readonly balance: number;
  readonly node: string | null;
  readonly reason: string | null;
}

// The application is a process of its own: Jest cannot load the package on Node 20.
const cluster = useLedgerCluster();

describe('beside @nestjs-cls/transactional', () => {
  let app: ChildProcess;
  let url: string;

  beforeAll(async () => {
    app = spawn(
      process.execPath,
      ['--import', './test/support/typescript/register.mjs', `${SUPPORT}/cls-transactional.app.ts`],
      {
        env: { ...process.env, NODE_OPTIONS: '', NODE_URLS: cluster.nodes.map((node) => node.url).join(' ') },
        stdio: 'pipe',
      },
    );
    keepOutput(app.stderr);
    const ended = once(app, 'exit').then(([code]) => {
      throw new Error(`the application ended with ${code}`);
    });
    ended.catch(() => undefined);
    const [line] = (await Promise.race([once(app.stdout as NodeJS.ReadableStream, 'data'), ended])) as [
      Buffer,
    ];
    url = line.toString().trim();
  });

  afterAll(async () => {
    if (app?.exitCode === null) {
      const ended = once(app, 'exit');
      app.stdin?.end();
      const [code] = await ended;
      if (code !== 0) throw new Error(`the application ended with ${code}`);
    }
  });

  async function call(method: 'GET' | 'POST', route: string, session?: string): Promise<Answer> {
    const response = await fetch(`${url}/accounts/${route}`, {
      method,
      headers: session === undefined ? {} : { 'x-session': session },
    });
    const { balance } = (await response.json()) as { balance: number };
    const { headers } = response;
    return { balance, node: headers.get('x-replica-node'), reason: headers.get('x-replica-reason') };
  }

  it('a transactional method is one transaction on the primary', async () => {
    const transcript = new Transcript(cluster);
    await transcript.clear();
    expect(await call('POST', '1/deposit')).toMatchObject({ balance: 1, node: 'primary' });
    expect(await transcript.all()).toEqual({
      primary: [
        'START TRANSACTION',
        expect.stringMatching(/^UPDATE "account"/),
        expect.stringMatching(/^SELECT /),
        'COMMIT',
      ],
      'replica-1': [],
      'replica-2': [],
    });
  });

  it('reads outside go to a replica', async () => {
    expect(await call('GET', '2')).toEqual({
      balance: 0,
      node: expect.stringMatching(/^replica-[12]$/),
      reason: 'session-free',
    });
  });

  it('what a transaction wrote is seen by the session’s next request, with replay paused', async () => {
    await whilePaused(cluster, async () => {
      await call('POST', '3/deposit', 'ann');
      expect(await call('GET', '3', 'ann')).toEqual({ balance: 1, node: 'primary', reason: 'session-ahead' });
      expect(await call('GET', '3', 'bob')).toMatchObject({ balance: 0 });
    });
  });

  it('a read beside the open transaction stays on the primary, and does not see it', async () => {
    expect(await call('GET', '4/beside')).toMatchObject({
      balance: 0,
      node: 'primary',
      reason: expect.stringContaining('transaction'),
    });
  });

  it('a decorator does not take a read out of the transaction', async () => {
    expect(await call('GET', '5/decorated')).toMatchObject({ balance: 0, node: 'primary' });
  });
});
