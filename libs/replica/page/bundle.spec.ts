import { expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { BUNDLE, bundlePage } from './bundle.mjs';

it('has the committed bundle made of these sources', async () => {
  const isSame = readFileSync(BUNDLE, 'utf8') === (await bundlePage());
  if (!isSame) throw new Error('The page has changed: run `npm run page`, and commit what it writes.');
  expect(isSame).toBe(true);
});
