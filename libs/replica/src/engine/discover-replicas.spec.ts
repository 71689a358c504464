import { describe, expect, it } from '@jest/globals';
import { discoverReplicas } from './discover-replicas.js';

describe('discoverReplicas', () => {
  it('asks the function each time', async () => {
    let port = 5000;
    const discovery = discoverReplicas(() => [{ host: 'a', port: port++ }], { intervalMs: 500 });
    expect(await discovery.find()).toEqual({ replicas: [{ host: 'a', port: 5000 }], validForMs: 500 });
    expect(await discovery.find()).toEqual({ replicas: [{ host: 'a', port: 5001 }], validForMs: 500 });
  });

  it('waits for a function that answers later, and rejects as it does', async () => {
    expect(await discoverReplicas(async () => [{ host: 'a' }]).find()).toEqual({
      replicas: [{ host: 'a' }],
      validForMs: 30_000,
    });
    await expect(discoverReplicas(() => Promise.reject(new Error('no'))).find()).rejects.toThrow('no');
    const throwing = discoverReplicas(() => {
      throw new Error('at once');
    });
    await expect(throwing.find()).rejects.toThrow('at once');
  });

  it('says all that is wrong with how it was made', () => {
    expect(discoverReplicas('x' as never, { intervalMs: 1, every: 2 } as never).problems).toEqual([
      'discoverReplicas() must be given a function that gives a list of nodes',
      'every is not an option',
      'intervalMs must be a number of at least 10, not 1',
    ]);
  });
});
