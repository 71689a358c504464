import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';

const page = readFileSync('docs/transports.md', 'utf8');

const examples = [...page.matchAll(/(?:<!-- (\S+) -->\n\n)?```ts\n([\s\S]*?)```/g)].map(
  ([, file = 'no file', code = '']) => ({ file, code }),
);

describe('the page about transports', () => {
  it('has an example of each', () => {
    expect(examples.length).toBeGreaterThanOrEqual(10);
  });

  it.each(examples)('takes its example from $file', ({ file, code }) => {
    const source = readFileSync(file, 'utf8');
    let at = 0;
    for (const part of code.split(/^ *\/\/ \.\.\.\n/m)) {
      const found = source.indexOf(part, at);
      expect({ part, isThere: found >= 0 }).toEqual({ part, isThere: true });
      at = found + part.length;
    }
  });
});
