import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';

const SOURCE = 'libs/replica/src/errors';
const page = readFileSync('docs/errors.md', 'utf8');

/** Codes and classes of the errors that applications meet. All are in one folder. */
const errors = readdirSync(SOURCE)
  .filter((path) => path.endsWith('.error.ts'))
  .flatMap((path) => {
    const text = readFileSync(`${SOURCE}/${path}`, 'utf8');
    const code = /code = '(REPLICA_\w+)'/.exec(text)?.[1];
    const name = /name = '(\w+)'/.exec(text)?.[1];
    return code === undefined || name === undefined ? [] : [{ code, name }];
  });

describe('the page of errors', () => {
  it('is compared with the errors that there are', () => {
    expect(errors.length).toBeGreaterThan(15);
  });

  it.each(errors)('has $code', ({ code, name }) => {
    expect(page).toContain(`| \`${code}\` | \`${name}\` |`);
  });

  it('has no other one', () => {
    const listed = [...page.matchAll(/^\| `(REPLICA_\w+)`/gm)].map(([, code]) => code);
    expect(new Set(listed)).toEqual(new Set(errors.map(({ code }) => code)));
    expect(listed).toHaveLength(errors.length);
  });
});
