import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { resolveOptions } from '../options/resolve-options.js';
import { PostgresDatabase } from '../postgres/database.js';
import { importPg } from '../postgres/pg-module.js';
import { Engine } from './engine.js';
import { OperatorLog } from './operator-log.js';
import { ReplicaRouter } from './replica-router.js';
import type { RequestOptions } from './run-request.js';

await importPg();

let engine: Engine;
let router: ReplicaRouter;

beforeEach(() => {
  const options = resolveOptions<never>({
    type: 'postgres',
    primary: { host: '127.0.0.1', port: 1 },
    replicas: [{ host: '127.0.0.2', port: 1 }],
  });
  const settings = { connectTimeoutMs: 1_000, extra: {}, onIdleError: () => undefined };
  engine = new Engine(options, new PostgresDatabase(settings), new OperatorLog());
  router = new ReplicaRouter(engine);
});

const standing = (): string | undefined => engine.contexts.current()?.request.session?.standing;

/** As the queries of Drizzle and others: it asks when somebody awaits it. */
class Lazy<T> implements PromiseLike<T> {
  constructor(private readonly ask: () => T) {}

  // oxlint-disable-next-line unicorn/no-thenable -- that is what it is for
  then<A = T, B = never>(
    resolve?: ((value: T) => A | PromiseLike<A>) | null,
    reject?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    return Promise.resolve(this.ask()).then(resolve, reject);
  }
}

describe('runRequest()', () => {
  it.each<[RequestOptions['method'], boolean]>([
    [undefined, true],
    ['GET', true],
    ['head', true],
    ['POST', false],
    ['DELETE', false],
  ])('with the method %s lets reads leave the primary: %s', async (method, isSafe) => {
    const intent = await router.runRequest({ method }, () => engine.contexts.current()?.intent);
    expect(intent).toMatchObject({ target: 'default', safeMethod: isSafe });
  });

  it('finds the session by its key, or by the function that gives it', async () => {
    expect(await router.runRequest({ sessionKey: 'ann' }, standing)).toBe('known');
    expect(await router.runRequest({ sessionKey: null }, standing)).toBe('none');
    expect(await router.runRequest({}, standing)).toBe('none');
    let key: string | undefined;
    const sessionKey = (): string | undefined => key;
    await router.runRequest({ sessionKey }, () => {
      expect(standing()).toBe('unresolved');
      key = 'ann';
      expect(standing()).toBe('known');
    });
  });

  it('begins inside the request what begins only when somebody awaits it', async () => {
    expect(await router.runRequest({ sessionKey: 'ann' }, () => new Lazy(standing))).toBe('known');
    const target = (): unknown => engine.contexts.current()?.intent.target;
    expect(await router.runOnPrimary(() => new Lazy(target))).toBe('primary');
    expect(await router.runOnReplica({}, () => new Lazy(target))).toBe('replica');
  });

  it('ends the request with its function, whose error it passes on', async () => {
    let later: unknown = 'nothing';
    const left = await router.runRequest({}, () => ({
      wait: new Promise<void>((resolve) => setImmediate(resolve)).then(
        () => (later = engine.contexts.current()),
      ),
    }));
    await left.wait;
    expect(later).toBeUndefined();
    await expect(
      router.runRequest({}, () => {
        throw new Error('of the function');
      }),
    ).rejects.toThrow('of the function');
  });

  it('lets a log-in bind the session of its user', async () => {
    await router.runRequest({ method: 'POST' }, () => router.bindSession('ann'));
    expect(() => router.bindSession('ann')).toThrow('session.key');
  });

  it.each<[unknown, string]>([
    [{ methd: 'GET' }, 'runRequest(): methd is not an option; did you mean method?'],
    [{ method: 5 }, 'runRequest(): method must be a text, not 5'],
    [undefined, 'must be an object'],
    [{ sessionKey: 5 }, 'runRequest({ sessionKey }) must be a text'],
  ])('refuses %j before it calls the function', async (options, message) => {
    const fn = jest.fn();
    await expect(router.runRequest(options as RequestOptions, fn)).rejects.toThrow(message);
    expect(fn).not.toHaveBeenCalled();
  });
});
