/** Listeners to `connect` that query the new connection, as applications have them that set something on each. */
import { spawn } from 'node:child_process';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { useCluster } from '../../support/cluster/use-cluster.js';

const SCRIPT = path.resolve('test/integration/as-plain-pg/support/listener.app.ts');

const cluster = useCluster({ replicas: 1 });

describe('a listener to new connections that queries them', () => {
  // `pg` warns once in a process.
  it.each(['one', 'in turn', 'one that fails'])(
    'finds them idle, and is done before anything else runs there: %s',
    async (listener) => {
      const script = spawn(process.execPath, ['--import', './test/support/typescript/register.mjs', SCRIPT], {
        env: {
          ...process.env,
          NODE_OPTIONS: '',
          SCRIPT: JSON.stringify({ urls: cluster.nodes.map(({ url }) => url), listener }),
        },
        stdio: ['ignore', 'pipe', 'pipe'],
        timeout: 60_000,
      });
      const [said, complained] = await Promise.all([text(script.stdout), text(script.stderr)]);
      expect(complained).toBe('');
      expect(JSON.parse(said)).toEqual({
        warnings: [],
        tenants: ['ann'],
        nodes: ['replica-1'],
        connections: expect.any(Number),
      });
    },
    90_000,
  );
});
