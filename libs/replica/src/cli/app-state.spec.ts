import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { command } from '../../../../test/support/command-line.js';
import { nodeStatus } from '../../../../test/support/observability/measured-router.js';

const node = (name: string): object =>
  nodeStatus({ name, address: `${name}:5432`, position: '0/1', roundTripMs: 1.25 });

const STATE = {
  instance: { host: 'pod-1', pid: 17 },
  dataSources: [
    {
      name: 'default',
      isEnabled: true,
      topology: { version: 1, primary: node('primary'), replicas: [node('r1')] },
      stats: {
        routes: [
          { node: 'primary', reason: 'write', kind: 'write', count: 5 },
          { node: 'r1', reason: 'session-free', kind: 'read', count: 90 },
          { node: 'primary', reason: 'write', kind: 'unknown', count: 5 },
        ],
      },
    },
  ],
};

const DISABLED = { node: 'primary', reason: 'routing-disabled', kind: 'read', count: 7 };

const withRecent = (): object => ({
  ...STATE,
  dataSources: STATE.dataSources.map((source) => ({
    ...source,
    stats: { routes: [...source.stats.routes, DISABLED] },
    recent: { forMs: 330_000, routes: [DISABLED] },
  })),
});

describe('status --app', () => {
  let server: Server;
  let url: string;
  const seen: { path: string | undefined; authorization: string | undefined }[] = [];

  beforeAll(async () => {
    server = createServer(({ url: path, headers }, response) => {
      seen.push({ path, authorization: headers.authorization });
      if (path?.startsWith('/closed/') === true) response.writeHead(403).end();
      else if (path?.startsWith('/recent/') === true) response.end(JSON.stringify(withRecent()));
      else if (path?.startsWith('/other/') === true) response.end('<html>');
      else if (path?.startsWith('/replica/state?since=') === true) response.end(JSON.stringify(STATE));
      else response.writeHead(404).end();
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  it.each(['/replica', '/replica/', '/replica/state'])(
    'reads what the process sees from %s',
    async (path) => {
      const { out, exitCode } = await command(['status', '--app', `http://${url}${path}`]);
      expect(exitCode).toBe(0);
      expect(out.replaceAll(/ +/g, ' ')).toBe(
        'as pod-1:17 sees it\n\n' +
          'NODE ROLE ADDRESS STATE TL POSITION LAG ROUND TRIP PROBLEM\n' +
          'primary primary primary:5432 up 1 0/1 - 1.3 ms\n' +
          'r1 replica r1:5432 up, streaming 1 0/1 40 ms 1.3 ms\n\n' +
          'REASON NODE STATEMENTS SHARE\n' +
          'session-free r1 90 90%\n' +
          'write primary 10 10%\n',
      );
    },
  );

  it('shows what happened in the last minutes first', async () => {
    const { out } = await command(['status', '--app', `http://${url}/recent/replica`]);
    expect(out.replaceAll(/ +/g, ' ').split('\n').slice(-5)).toEqual([
      'REASON NODE LAST 5 MIN SHARE SINCE START SHARE',
      'routing-disabled primary 7 100% 7 7%',
      'session-free r1 0 0% 90 84%',
      'write primary 0 0% 10 9%',
      '',
    ]);
  });

  it('gives the same as JSON', async () => {
    const { out } = await command(['status', '--json', '--app', `http://${url}/replica`]);
    expect(JSON.parse(out)).toMatchObject({
      instance: { host: 'pod-1' },
      dataSources: [
        { name: 'default', isEnabled: true, reasons: [{ reason: 'session-free', count: 90 }, {}] },
      ],
    });
  });

  it('shows who it is', async () => {
    await command(['status', '--app', `http://ops:p%40ss@${url}/replica`]);
    expect(seen.at(-1)?.authorization).toBe(`Basic ${Buffer.from('ops:p@ss').toString('base64')}`);
    await command(['status', '--app', `http://${url}/replica`, '--header', 'authorization: Bearer x:y']);
    expect(seen.at(-1)?.authorization).toBe('Bearer x:y');
  });

  it.each([
    ['/closed', 3, /guards of the dashboard refuse \(403\)/],
    ['/other', 3, /is no dashboard/],
    ['/elsewhere', 3, /answers 404 to \/elsewhere\/state/],
  ])('tells what is wrong at %s', async (path, exitCode, line) => {
    const outcome = await command(['status', '--app', `http://${url}${path}`]);
    expect(outcome.exitCode).toBe(exitCode);
    expect(outcome.err).toMatch(line);
  });

  it('is critical where nobody answers', async () => {
    const { exitCode, err } = await command(['status', '--app', 'http://127.0.0.1:1/replica']);
    expect(exitCode).toBe(2);
    expect(err).toContain('127.0.0.1:1 does not answer');
  });
});
