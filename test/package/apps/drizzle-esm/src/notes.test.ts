import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import pg from 'pg';
import { createRoutingPool } from 'nestjs-replica/pool';

test('a pool that cannot reach its primary says so', async () => {
  const opening = createRoutingPool({ primary: { host: '127.0.0.1', port: 1 } });
  await assert.rejects(opening, { code: 'REPLICA_NODE_UNAVAILABLE' });
});

test('TypeORM is neither loaded nor installed', () => {
  const require = createRequire(import.meta.url);
  const loaded = Object.keys(require.cache).filter((path) =>
    /node_modules\/(@nestjs\/)?typeorm\//.test(path),
  );
  assert.deepEqual(loaded, []);
  for (const name of ['typeorm', '@nestjs/typeorm']) assert.throws(() => require.resolve(name));
  assert.equal(typeof pg.Pool, 'function');
});
