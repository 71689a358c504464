import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { LIST, publicExports } from './support/public-exports.js';

it('has each export of each entry point in the committed list, and no other one', () => {
  const listed = readFileSync(LIST, 'utf8').split('\n');
  const exported = publicExports().split('\n');
  const changes = {
    missing: exported.filter((line) => !listed.includes(line)),
    'no longer exported': listed.filter((line) => !exported.includes(line)),
  };
  if (listed.join('\n') !== exported.join('\n')) {
    throw new Error(
      `${LIST} is out of date: ${JSON.stringify(changes, undefined, 2)}\n` +
        'If the change is meant, run `npm run exports` and commit the list.',
    );
  }
  expect(exported.length).toBeGreaterThan(100);
});
