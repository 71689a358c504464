import { describe, expect, it } from '@jest/globals';
import { ReplicaModule } from './replica.module.js';
import { checkSettings, problemsOfModuleKeys } from './check-settings.js';
import { fromCookie, fromHeader } from './key-resolvers.js';
import { cookieToken } from './token-carriers.js';
import { RedisSessionStore } from '../session/redis.store.js';

describe('settings of the module', () => {
  it.each([
    [{ name: 3 }, 'name must be a text, not 3'],
    [{ name: '' }, 'name must be a text, not an empty one'],
    [{ isGlobal: 'x' }, 'isGlobal must be true or false, not a text'],
    [{ forRoutes: 'orders' }, "forRoutes must be a list such as ['orders/{*path}'], not a text"],
    [{ exclude: 'health' }, "exclude must be a list such as ['orders/{*path}'], not a text"],
    [{ forRoutes: [] }, 'forRoutes must name a route: without it the module is for all'],
    [{ forRoutes: ['a', 5] }, 'forRoutes[1] must be a path, { path, method } or a controller, not 5'],
    [{ exclude: [null] }, 'exclude[0] must be a path, { path, method } or a controller, not null'],
    [{ exclude: [{ method: 0 }] }, 'exclude[0] must be a path'],
  ])('%j is refused', (settings, problem) => {
    expect(() => checkSettings(settings as never)).toThrow(problem);
  });

  it('are fine where they are absent or as they should be', () => {
    expect(() => checkSettings({})).not.toThrow();
    expect(() =>
      checkSettings({ name: 'archive', isGlobal: false, forRoutes: ['a'], exclude: [] }),
    ).not.toThrow();
    class Controller {}
    expect(() => checkSettings({ forRoutes: [Controller, { path: 'a', method: 0 }] })).not.toThrow();
  });
});

describe('what JavaScript lets pass', () => {
  const OPTIONS = { type: 'postgres', url: 'postgres://u:s3cret@h/d' } as const;
  const useFactory = () => OPTIONS;
  const text = 'postgres://u:s3cret@h/d' as never;

  it.each<[string, () => unknown, string]>([
    [
      'forRoot() of nothing',
      () => ReplicaModule.forRoot(undefined as never),
      'forRoot(): the options must be an object',
    ],
    [
      'forRoot() of a text',
      () => ReplicaModule.forRoot(text),
      'forRoot(): the options must be an object, not a text',
    ],
    [
      'forRootAsync() of nothing',
      () => ReplicaModule.forRootAsync(undefined as never),
      'forRootAsync(): the options must be',
    ],
    [
      'options beside the factory',
      () => ReplicaModule.forRootAsync({ useFactory, session: {}, setHeaders: true } as never),
      'forRootAsync(): setHeaders belongs to what the factory gives',
    ],
    [
      'a slip',
      () => ReplicaModule.forRootAsync({ usefactory: useFactory } as never),
      'forRootAsync(): usefactory is not an option; did you mean useFactory?',
    ],
    [
      'a factory that is none',
      () => ReplicaModule.forRootAsync({ useFactory: OPTIONS } as never),
      'forRootAsync(): useFactory must be a function such as () => options, not an object',
    ],
    [
      'a dataSourceFactory that is none',
      () => ReplicaModule.forRootAsync({ useFactory, dataSourceFactory: {} } as never),
      'forRootAsync(): dataSourceFactory must be a function',
    ],
    [
      'an instance for a class',
      () => ReplicaModule.forRootAsync({ useClass: {} } as never),
      'forRootAsync(): useClass must be a function such as a class with createReplicaOptions()',
    ],
    [
      'inject',
      () => ReplicaModule.forRootAsync({ useFactory, inject: 'X' } as never),
      'inject must be a list, not a text',
    ],
    [
      'a slip for an existing data source',
      () => ReplicaModule.forDataSource('TOKEN', { setHeader: true } as never),
      'forDataSource(): setHeader is not an option; did you mean setHeaders?',
    ],
    [
      'no settings for an existing data source',
      () => ReplicaModule.forDataSource('TOKEN', null as never),
      'forDataSource(): the options must be an object, not null',
    ],
    [
      'the name of a cookie for a token',
      () => cookieToken({ name: 5 } as never),
      "cookieToken() needs a cookie's name",
    ],
    [
      'the name of a cookie',
      () => fromCookie('sid; Path'),
      'fromCookie() needs a name without blanks and marks',
    ],
    [
      'the name of a header',
      () => fromHeader('x session'),
      'fromHeader() needs a name without blanks and marks',
    ],
    [
      'a store of nothing',
      () => new RedisSessionStore(undefined as never),
      'the Redis client must be one of',
    ],
    [
      'an option of the store',
      () => new RedisSessionStore({ client: () => Promise.resolve(), prefx: 'a' } as never),
      'RedisSessionStore takes the options client and prefix, and no other',
    ],
    [
      'a prefix that is no text',
      () => new RedisSessionStore({ client: () => Promise.resolve(), prefix: 5 } as never),
      'the prefix of RedisSessionStore must be a text',
    ],
  ])('is told of: %s', (_, make, problem) => {
    expect(make).toThrow(problem);
    expect(make).not.toThrow('s3cret');
  });
});

describe("a module's own keys among the options", () => {
  it.each([
    [{ setHeader: true }, ['setHeader is not an option; did you mean setHeaders?']],
    [
      { forRoute: ['a'], isGlobl: true },
      [
        'forRoute is not an option; did you mean forRoutes?',
        'isGlobl is not an option; did you mean isGlobal?',
      ],
    ],
    [{ isGlobal: true }, ['isGlobal belongs to forRootAsync() itself, not to what its factory gives']],
    [{ name: 'archive', setHeaders: true, autoLoadEntities: true, cli: {} }, []],
  ])('%j', (options, problems) => {
    expect(problemsOfModuleKeys(options)).toEqual(problems);
  });
});
