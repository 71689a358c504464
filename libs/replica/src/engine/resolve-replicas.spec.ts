import { describe, expect, it } from '@jest/globals';
import type { NodeOptions } from '../options/replica-options.js';
import { POSTGRES } from '../options/database-type.js';
import { resolveNode, type ResolvedNode } from '../options/resolve-nodes.js';
import { withConnectionOf } from '../postgres/connection-options.js';
import { isSameConnection, resolveFound, resolveReplicas, type CurrentNodes } from './resolve-replicas.js';

const primary = resolveNode(
  { host: 'primary', username: 'app', password: 's3cret', database: 'shop' },
  'primary',
  { otherwise: 'primary' },
);

function node(options: NodeOptions, name = 'r'): ResolvedNode {
  return resolveNode(options, 'replica', { otherwise: name });
}

const known: CurrentNodes = {
  database: { withConnectionOf },
  family: POSTGRES,
  primary,
  replicas: [node({ host: 'a' }, 'replica-1'), node({ host: 'b', port: 6000 }, 'replica-2')],
  levels: { size: 5, replica: { size: 7 } },
};

describe('resolveReplicas', () => {
  it('keeps the name of a replica at the same address, and calls new ones by their host and port', () => {
    const given = [
      { host: 'c', port: 6000 },
      { host: 'b', port: 6000 },
      { url: 'postgres://[fd00::5]/x' },
      { name: 'mine', host: 'a' },
    ];
    expect(resolveReplicas(given, known).map(({ name }) => name)).toEqual([
      'c-6000',
      'replica-2',
      'fd00--5',
      'mine',
    ]);
  });

  it('does not call a replica by the name of the primary', () => {
    const elsewhere = { ...known, primary: { ...primary, address: 'localhost:5432' } };
    expect(resolveReplicas([{ host: 'primary' }], elsewhere)).toMatchObject([{ name: 'primary-5432' }]);
  });

  it('fills in what the options say of the pools of replicas', () => {
    expect(resolveReplicas([{ host: 'c' }], known)).toEqual([
      { name: 'c', address: 'c:5432', weight: 1, credentials: { host: 'c' }, pool: { size: 7 } },
    ]);
  });

  it('reports all mistakes in one error', () => {
    const given = [
      { name: 'primary', host: 'x' },
      { name: 'a b', url: 'postgres://u:s3cret@[x' },
      { port: 0 },
      null,
      { host: 'c' },
      { host: 'd', name: 'c' },
    ];
    expect(() => resolveReplicas(given as never, known)).toThrow(
      expect.objectContaining({
        problems: [
          'replicas[0].name is also the name of the primary',
          expect.stringMatching(/^replicas\[1\].name must be 1 to 64 letters/),
          expect.stringMatching(/^replicas\[1\].url cannot be read/),
          'replicas[2].port must be a whole number from 1 to 65535, not another one',
          'replicas[3] must be an object, not null',
          'replicas[5].name is also the name of replicas[4]',
        ],
      }),
    );
    expect(() => resolveReplicas('postgres://u:s3cret@h/x' as never, known)).toThrow(
      expect.objectContaining({ problems: ['replicas must be a list, not a text'] }),
    );
  });
});

describe('resolveFound', () => {
  it("reaches what was found as the primary is reached, and leaves out the primary's own address", () => {
    const found = [{ host: 'primary' }, { host: 'primary', port: 6000 }, { host: 'c', username: 'reader' }];
    expect(resolveFound(found, known).map(({ name, credentials }) => [name, credentials])).toEqual([
      [
        'primary-6000',
        { host: 'primary', port: 6000, username: 'app', password: 's3cret', database: 'shop' },
      ],
      ['c', { host: 'c', username: 'reader', password: 's3cret', database: 'shop' }],
    ]);
  });

  it('leaves out the address of a primary that is given by a URL', () => {
    const byUrl = resolveNode({ url: 'postgres://app:s3cret@10.0.0.1/shop' }, 'primary', {
      otherwise: 'primary',
    });
    const found = [{ host: '10.0.0.1' }, { host: '10.0.0.2' }];
    expect(resolveFound(found, { ...known, primary: byUrl })).toEqual([
      expect.objectContaining({
        name: '10.0.0.2',
        credentials: { url: 'postgres://app:s3cret@10.0.0.2:5432/shop' },
      }),
    ]);
  });

  it.each<[string, unknown[], string]>([
    ['nothing but the primary', [{ host: 'primary', port: 5432 }], 'it found no replica beside the primary'],
    ['a node that cannot be reached', [{ name: 'a' }, 'b', null], 'found[0] must have a host or a url'],
    ['a mistake', [{ host: 'c', wieght: 1 }], 'found[0].wieght is not an option; did you mean weight?'],
    ['a bad URL', [{ url: 'postgres://u:s3cret@[x' }], 'found[0].url cannot be read'],
  ])('refuses %s', (_, found, problem) => {
    expect(() => resolveFound(found as never, known)).toThrow(problem);
    expect(() => resolveFound(found as never, known)).not.toThrow('s3cret');
  });
});

describe('isSameConnection', () => {
  const before = { host: 'a', password: () => 'x', ssl: { ca: 'ca', key: 'key' }, pool: { size: 5 } };

  it.each<[string, NodeOptions]>([
    ['the same', { ...before, ssl: { ...before.ssl }, pool: { size: 5 } }],
    ['the same but for weight, region and tags', { ...before, weight: 3, region: 'eu', tags: { a: 'b' } }],
    ['another function of the same part', { ...before, password: () => 'y' }],
  ])('goes on with %s', (_, after) => {
    expect(isSameConnection(node(before), node(after))).toBe(true);
  });

  it.each<[string, NodeOptions]>([
    ['another address', { ...before, port: 6000 }],
    ['another user', { ...before, username: 'other' }],
    ['a password in place of a function', { ...before, password: 'x' }],
    ['another certificate', { ...before, ssl: { ...before.ssl, ca: 'other' } }],
    ['TLS without a certificate', { ...before, ssl: true }],
    ['another pool', { ...before, pool: { size: 6 } }],
    ["another name in the node's certificate", { ...before, servername: 'x' }],
  ])('connects anew with %s', (_, after) => {
    expect(isSameConnection(node(before), node(after))).toBe(false);
  });

  it('sees a key that pg has hidden from enumeration', () => {
    const ssl = { ca: 'ca', key: 'key' };
    Object.defineProperty(ssl, 'key', { enumerable: false });
    expect(isSameConnection(node({ ...before, ssl }), node(before))).toBe(true);
  });
});
