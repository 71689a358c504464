import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { NODE, ROUTING } from '../../libs/replica/src/options/option-table.js';
import { TOP_LEVEL_KEYS } from '../../libs/replica/src/options/resolve-nodes.js';
import { noCounts } from '../../libs/replica/src/observability/router-counters.js';
import { factsOf, NODE_OPTIONS, OPTIONS, PAGE, withTables } from './support/options-page.js';

const page = readFileSync(PAGE, 'utf8');

/** Each option, and each of those inside it. */
const paths = Object.entries(ROUTING).flatMap(([key, option]) => [
  key,
  ...('options' in option ? Object.keys(option.options ?? {}).map((inner) => `${key}.${inner}`) : []),
]);

/** TypeORM's options of a node. */
const ADDRESS: readonly string[] = [...TOP_LEVEL_KEYS, 'applicationName'];

describe('the page of options', () => {
  it('holds what npm run docs:options writes', () => {
    expect(page).toBe(withTables(page));
  });

  it.each(paths)('has %s', (path) => {
    expect(OPTIONS.map((option) => option.path)).toContain(path);
    expect(page).toContain(`| \`${path}\` |`);
  });

  it.each(Object.keys(NODE).filter((key) => !ADDRESS.includes(key)))('has %s of a node', (key) => {
    expect(NODE_OPTIONS.map((option) => option.path)).toContain(key);
  });
});

describe('the comment that an editor shows of an option', () => {
  it.each([...OPTIONS, ...NODE_OPTIONS])(
    'says what $path means, then its range and default as in the table',
    ({ option, comment }) => {
      const facts = factsOf(option);
      expect(comment.slice(comment.length - facts.length)).toBe(facts);
      expect(comment.length).toBeGreaterThan(facts.length);
    },
  );
});

describe('the pages', () => {
  const pages = ['operations', 'sessions', 'functions', 'transports'].map((name) =>
    readFileSync(`docs/${name}.md`, 'utf8'),
  );

  it.each(Object.keys(noCounts()).filter((name) => name !== 'foreignTokens'))(
    'name the counter %s',
    (name) => {
      expect(pages.some((text) => text.includes(name))).toBe(true);
    },
  );
});
