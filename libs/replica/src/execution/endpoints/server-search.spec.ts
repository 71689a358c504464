import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { SortedConnection } from './search-options.js';
import { ServerSearch } from './server-search.js';

class Made {
  isClosed = false;
  lost: (() => void) | undefined;

  constructor(readonly server: string) {}
}

/** A search through a balancer that leads to the servers of a list in turn, or fails where the list says so. */
class Balancer {
  readonly made: Made[] = [];
  attempts = 0;
  readonly search = new ServerSearch<Made>({
    open: () => ({ ready: this.#open(), end: () => undefined }),
    close: (connection) => void (connection.isClosed = true),
    onLost: (connection, listener) => {
      connection.lost = listener;
      return () => (connection.lost = undefined);
    },
    connectionLost: (why) => new Error(`lost: ${why}`),
    timedOut: () => new Error('timed out'),
    nowMs: () => performance.now(),
  });

  constructor(public servers: readonly (string | Error)[]) {}

  get open(): readonly Made[] {
    return this.made.filter(({ isClosed }) => !isClosed);
  }

  async #open(): Promise<SortedConnection<Made>> {
    const server = this.servers[this.attempts++ % this.servers.length] as string | Error;
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (server instanceof Error) throw server;
    const connection = new Made(server);
    this.made.push(connection);
    return { connection, server };
  }
}

describe('ServerSearch', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  const outcomeOf = async <T>(promise: Promise<T>, ms = 20_000): Promise<T | string> => {
    let outcome: T | string = 'pending';
    promise.then(
      (value) => (outcome = value),
      (error: Error) => (outcome = error.message),
    );
    await jest.advanceTimersByTimeAsync(ms);
    return outcome;
  };

  it('gives each connection to whoever waits for its server', async () => {
    const { search, made } = new Balancer(['a', 'b', 'c']);
    const wanted = ['c', 'a', 'b'].map((server) => search.want(server, { timeoutMs: 1_000 }).ready);
    const found = await outcomeOf(Promise.all(wanted), 50);
    expect(found).toMatchObject([{ server: 'c' }, { server: 'a' }, { server: 'b' }]);
    expect(made.length).toBeLessThanOrEqual(4);
  });

  it('keeps two connections of each server for a few seconds, and closes the others', async () => {
    const balancer = new Balancer(['a', 'a', 'a', 'a', 'b']);
    await outcomeOf(balancer.search.want('b', { timeoutMs: 1_000 }).ready, 50);
    expect(balancer.open.filter(({ server }) => server === 'a')).toHaveLength(2);
    expect(balancer.search.takeSpare('a')).toMatchObject({ server: 'a', isClosed: false });
    await jest.advanceTimersByTimeAsync(6_000);
    expect(balancer.search.takeSpare('a')).toBeUndefined();
    expect(balancer.open.map(({ server }) => server)).toEqual(['a', 'b']);
  });

  it('gives out no connection that was lost meanwhile', async () => {
    const { search, made } = new Balancer(['a']);
    await outcomeOf(search.look(), 10);
    made[0]?.lost?.();
    expect(search.takeSpare('a')).toBeUndefined();
  });

  it('tries less and less while connections lead elsewhere, and says in time that none came', async () => {
    const balancer = new Balancer(['rare']);
    await outcomeOf(balancer.search.want('rare', { timeoutMs: 1_000 }).ready, 10);
    balancer.servers = ['a', 'b'];
    const { ready } = balancer.search.want('rare', { timeoutMs: 3_000 });
    expect(await outcomeOf(ready, 3_100)).toBe('timed out');
    expect(balancer.attempts).toBeGreaterThan(10);
    expect(balancer.attempts).toBeLessThan(40);
  });

  it('takes a server for gone that no connection has led to for long', async () => {
    const { search } = new Balancer(['a']);
    const { ready } = search.want('gone', { timeoutMs: 9_000 });
    expect(await outcomeOf(ready)).toMatch(/^lost: no new connection led to this server within 9000 ms/);
  });

  it('does not let the impatient wait for that', async () => {
    const balancer = new Balancer(['a', 'b']);
    await outcomeOf(Promise.all([balancer.search.look(), balancer.search.look()]), 10);
    const { ready } = balancer.search.want('gone', { timeoutMs: 9_000, isImpatient: true });
    expect(await outcomeOf(ready, 100)).toMatch(/^lost: connections lead to other servers/);
    expect(balancer.attempts).toBeLessThan(12);
  });

  it('goes on after a connection to a server that is away, but not when all fail', async () => {
    const refused = new Error('refused');
    const balancer = new Balancer([refused, refused, 'a']);
    expect(await outcomeOf(balancer.search.want('a', { timeoutMs: 9_000 }).ready, 500)).toMatchObject({
      server: 'a',
    });
    balancer.servers = [refused];
    expect(await outcomeOf(balancer.search.want('a', { timeoutMs: 9_000 }).ready, 500)).toBe('refused');
  });

  it('ends what waits and what is kept', async () => {
    const balancer = new Balancer(['a']);
    const { ready } = balancer.search.want('b', { timeoutMs: 9_000 });
    const outcome = outcomeOf(ready, 100);
    await jest.advanceTimersByTimeAsync(10);
    balancer.search.end();
    expect(await outcome).toBe('lost: the endpoint is closed');
    await jest.advanceTimersByTimeAsync(10);
    expect(balancer.open).toEqual([]);
  });
});
