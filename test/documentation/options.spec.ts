import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { KNOWN_KEYS, ROUTING_KEYS } from '../../libs/replica/src/options/known-keys.js';
import { noCounts } from '../../libs/replica/src/engine/router-counters.js';

const options = readFileSync('docs/options.md', 'utf8');
const start = options.indexOf('| option | default |');
/** Up to the first empty line. */
const table = options.slice(start, options.indexOf('\n\n', start));

/** What stands in the table as code, in one piece or inside braces: `a`, `{ a: 1, b }`. */
const named = new Set(
  [...table.matchAll(/`([^`]+)`/g)].flatMap(([, code = '']) => [code, ...(code.match(/[\w.]+/g) ?? [])]),
);

const inGroup = (group: 'session' | 'sticky' | 'monitor' | 'fallback' | 'retries' | 'pool'): string[] =>
  KNOWN_KEYS[group].map((key) => `${group}.${key}`);

/** Of TypeORM: what a node's address is made of. */
const ADDRESS = ['url', 'host', 'port', 'username', 'password', 'database', 'ssl', 'applicationName'];
/** Each of their keys has its own row. */
const GROUPS = ['session', 'monitor'];

describe('the table of options', () => {
  it.each(ROUTING_KEYS.filter((key) => !GROUPS.includes(key)))('has %s', (key) => {
    expect(named).toContain(key);
  });

  it.each([...inGroup('session'), ...inGroup('monitor')])('has %s', (key) => {
    expect(named).toContain(key);
  });

  it.each([...inGroup('sticky'), ...inGroup('fallback'), ...inGroup('retries'), ...inGroup('pool')])(
    'has %s',
    (key) => {
      expect(named).toContain(key.split('.')[1]);
    },
  );

  it.each(KNOWN_KEYS.node.filter((key) => !ADDRESS.includes(key)))('has %s of a node', (key) => {
    expect(named).toContain(key);
  });
});

describe('the pages', () => {
  const pages = ['operations', 'sessions', 'functions', 'transports'].map((name) =>
    readFileSync(`docs/${name}.md`, 'utf8'),
  );

  it.each(Object.keys(noCounts()).filter((name) => name !== 'foreignTokens'))(
    'name the counter %s',
    (name) => {
      expect(pages.some((page) => page.includes(name))).toBe(true);
    },
  );
});
