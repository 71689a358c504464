// Runs the compiled application with plain Node, outside of any test runner.
import assert from 'node:assert/strict';
import { readFromReplica, send, start } from './app.js';

const { baseUrl, stop } = await start();
try {
  const written = await send(`${baseUrl}/notes`, { text: 'milk' });
  assert.equal(written.node, 'primary');
  const seen = await readFromReplica(`${baseUrl}/notes/${written.body.id}`);
  assert.equal(seen.node, 'replica-1');
  assert.deepEqual(seen.body, written.body);
  console.log(`POST on ${written.node}, its own GET on ${seen.node}`);
} finally {
  await stop();
}
