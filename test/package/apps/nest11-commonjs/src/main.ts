// Runs the compiled application with plain Node, outside of any test runner.
import assert from 'node:assert/strict';
import { Client } from './client';
import { start } from './start';

async function main(): Promise<void> {
  const { baseUrl, cluster, stop } = await start();
  try {
    const alice = new Client(baseUrl, 'alice');
    const written = await alice.post('/products', { name: 'kettle' });
    assert.equal(written.status, 201);
    assert.equal(written.node, 'primary');
    const seen = await alice.get(`/products/${written.body.id}`);
    assert.deepEqual(seen.body, written.body);
    await cluster.waitForCatchUp();
    const read = await new Client(baseUrl).getFromReplica('/products');
    assert.match(String(read.node), /^replica-[12]$/);
    console.log(`POST on ${written.node}, its own GET on ${seen.node}, another's GET on ${read.node}`);
  } finally {
    await stop();
  }
}

void main();
