import { describe, expect, it, jest } from '@jest/globals';
import { asProvider } from './cache-as-provider.js';
import type { CacheOptions, ResultCache } from './result-cache.js';

class Provider implements ResultCache {
  readonly table = 'mine';
  readonly calls: string[] = [];
  #hits = 3;
  get hits(): number {
    return this.#hits;
  }
  hit(): number {
    return ++this.#hits;
  }
  connect(): Promise<void> {
    return this.#called('connect');
  }
  disconnect(): Promise<void> {
    return this.#called('disconnect');
  }
  synchronize(): Promise<void> {
    return this.#called('synchronize');
  }
  getFromCache(): Promise<CacheOptions | undefined> {
    return this.#called('getFromCache').then(() => undefined);
  }
  storeInCache(): Promise<void> {
    return this.#called('storeInCache');
  }
  isExpired(): boolean {
    return false;
  }
  clear(): Promise<void> {
    return this.#called('clear');
  }
  remove(): Promise<void> {
    return this.#called('remove');
  }
  async #called(name: string): Promise<void> {
    this.calls.push(name);
  }
}

/** Stands before the provider and answers itself when asked for what is cached. */
class Routed implements ResultCache {
  readonly #cache: ResultCache;
  constructor(cache: ResultCache) {
    this.#cache = cache;
  }
  connect(): Promise<void> {
    return this.#cache.connect();
  }
  disconnect(): Promise<void> {
    return this.#cache.disconnect();
  }
  synchronize(): Promise<void> {
    return this.#cache.synchronize();
  }
  getFromCache(): Promise<CacheOptions> {
    return Promise.resolve({ duration: 1, query: 'routed' });
  }
  storeInCache(...args: Parameters<ResultCache['storeInCache']>): Promise<void> {
    return this.#cache.storeInCache(...args);
  }
  isExpired(entry: CacheOptions): boolean {
    return this.#cache.isExpired(entry);
  }
  clear(): Promise<void> {
    return this.#cache.clear();
  }
  remove(identifiers: string[]): Promise<void> {
    return this.#cache.remove(identifiers);
  }
}

describe("the user's cache with the routed one before it", () => {
  const start = (): { provider: Provider; cache: Provider } => {
    const provider = new Provider();
    return { provider, cache: asProvider(new Routed(provider), provider) as Provider };
  };

  it('is of the class, has the properties and the methods of the provider', () => {
    const { provider, cache } = start();
    expect(cache).toBeInstanceOf(Provider);
    expect(cache.constructor).toBe(Provider);
    expect(cache).toHaveProperty('table', 'mine');
    expect(Reflect.ownKeys(cache)).toEqual(Reflect.ownKeys(provider));
    expect('hit' in cache).toBe(true);
    expect([cache.hits, cache.hit(), provider.hits]).toEqual([3, 4, 4]);
    Object.assign(cache, { table: 'changed' });
    expect(provider.table).toBe('changed');
  });

  it('lists no objects of the provider for loggers, such as its client with a password', () => {
    const { cache } = start();
    expect(Object.keys(cache)).toEqual(['table']);
    expect(cache.calls).toEqual([]);
  });

  it('answers itself what TypeORM calls', async () => {
    const { provider, cache } = start();
    expect(await cache.getFromCache()).toMatchObject({ query: 'routed' });
    expect(provider.calls).toEqual([]);
  });

  it('can be spied on', async () => {
    const { cache } = start();
    const found = jest.spyOn(cache, 'getFromCache');
    expect(await cache.getFromCache()).toMatchObject({ query: 'routed' });
    expect(found).toHaveBeenCalledTimes(1);
    found.mockRestore();
    const hit = jest.spyOn(cache, 'hit').mockReturnValue(9);
    expect(cache.hit()).toBe(9);
    hit.mockRestore();
    expect(cache.hit()).toBe(4);
  });

  it('stands before a provider that is frozen', async () => {
    const provider = Object.freeze(new Provider());
    const cache = asProvider(new Routed(provider), provider);
    expect(await cache.getFromCache({ duration: 1 })).toMatchObject({ query: 'routed' });
    expect(cache).toHaveProperty('table', 'mine');
  });
});
