import { describe, expect, it } from '@jest/globals';
import { nameReplicas } from './resolve-nodes.js';
import type { NodeOptions } from './replica-options.js';

const namesOf = (replicas: readonly NodeOptions[], primary = 'primary'): (string | undefined)[] =>
  nameReplicas(replicas, { primary }).map((node) => node?.name);

describe('nameReplicas', () => {
  it('names replicas by their address, whatever their order and number', () => {
    const [a, b, c] = [
      { host: '10.0.0.1' },
      { url: 'postgres://app:s3cret@db-2:6000/shop' },
      { url: 'postgres://[::1]/shop' },
    ];
    expect(namesOf([a, b, c])).toEqual(['10.0.0.1', 'db-2-6000', '--1']);
    expect(namesOf([c, b])).toEqual(['--1', 'db-2-6000']);
  });

  it('keeps given names, and numbers the replicas at one address', () => {
    const same = { host: 'lb' };
    expect(namesOf([{ ...same, name: 'reports' }, same, same, same])).toEqual([
      'reports',
      'lb',
      'lb-2',
      'lb-3',
    ]);
  });

  it("does not take the primary's name", () => {
    expect(namesOf([{ host: 'db' }], 'db')).toEqual(['db-5432']);
  });

  it.each([
    ['what is no node', null],
    ['a url that cannot be read', { url: 'postgres://app:s3cret@[bad' }],
    ['a url given as the host', { host: 'postgres://app:s3cret@db/shop' }],
    ['a host that holds a user', { host: 'app:s3cret@db' }],
  ])('gives no name to %s', (_, node) => {
    expect(namesOf([node as never])).toEqual([undefined]);
  });
});
