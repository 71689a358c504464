import { describe, expect, it } from '@jest/globals';
import { MemorySessionStore } from '../session/memory.store.js';
import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { resolveOptions } from './resolve-options.js';
import type { ReplicaDataSourceOptions } from './typeorm-options.js';

const PRIMARY = { url: 'postgres://app:s3cret@primary.internal:6432/shop' };

function problemsOf(options: unknown): readonly string[] {
  try {
    resolveOptions(options as ReplicaDataSourceOptions);
  } catch (error) {
    if (error instanceof InvalidReplicaOptionsError) return error.problems;
    throw error;
  }
  return [];
}

describe('resolveOptions', () => {
  it('names nodes, shows addresses without credentials, and fills in every default', () => {
    const resolved = resolveOptions({
      type: 'postgres',
      primary: PRIMARY,
      replicas: [
        { host: '10.0.0.2', port: 6000 },
        { name: 'far', url: 'postgres://far/shop' },
      ],
    });
    expect(resolved).toEqual({
      type: 'postgres',
      enabled: true,
      defaultReadPreference: 'replica',
      defaultConsistency: 'session',
      maxStalenessMs: 5_000,
      maxLagMs: 10_000,
      warnLagMs: 5_000,
      minServing: 0,
      hardMaxLagMs: 29_000,
      onBehind: 'primary',
      catchUpTimeoutMs: 500,
      fallback: 'primary',
      balancer: 'least-busy',
      region: undefined,
      retries: { ratio: 0.2, minPerSecond: 10 },
      primaryWaitMs: 0,
      startWithoutPrimary: false,
      tables: {},
      route: undefined,
      pool: undefined,
      discovery: undefined,
      drainTimeoutMs: 30_000,
      name: 'default',
      session: { ttlMs: 30_000, timeoutMs: 250, secrets: [] },
      sticky: { mode: 'position' },
      monitor: {
        intervalMs: 1_000,
        probeTimeoutMs: 750,
        catchUpIntervalMs: 20,
        suspectIntervalMs: 100,
        maxIntervalMs: 2_000,
        flapWindowMs: 30_000,
      },
      lanes: true,
      prepare: true,
      prepareAfter: 5,
      patterns: true,
      endpoints: [],
      warnings: [],
      primary: {
        name: 'primary',
        address: 'primary.internal:6432',
        weight: 1,
        credentials: PRIMARY,
        pool: {},
      },
      replicas: [
        {
          name: '10.0.0.2-6000',
          address: '10.0.0.2:6000',
          credentials: { host: '10.0.0.2', port: 6000 },
          weight: 1,
          pool: {},
        },
        {
          name: 'far',
          address: 'far:5432',
          credentials: { url: 'postgres://far/shop' },
          weight: 1,
          pool: {},
        },
      ],
    });
  });

  it("accepts TypeORM's replication as it stands", () => {
    const resolved = resolveOptions({
      type: 'postgres',
      replication: {
        master: { host: 'a', password: 'x' },
        slaves: [{ host: 'b' }, { host: 'c' }],
        defaultMode: 'master',
      },
    });
    expect(resolved.primary).toMatchObject({ name: 'primary', address: 'a:5432' });
    expect(resolved.replicas.map(({ address }) => address)).toEqual(['b:5432', 'c:5432']);
    expect(resolved.defaultReadPreference).toBe('primary');
  });

  it('accepts options without any replica', () => {
    const resolved = resolveOptions({ type: 'postgres', host: 'db', database: 'shop' });
    expect(resolved.primary).toMatchObject({ address: 'db:5432', credentials: { database: 'shop' } });
    expect(resolved.replicas).toEqual([]);
  });

  it.each<[string, object, string]>([
    [
      'another database',
      { type: 'oracle', primary: PRIMARY },
      "type must be one of 'postgres', 'mysql', 'mariadb', not a text",
    ],
    [
      'servers that are neither one nor many',
      { primary: PRIMARY, replicas: [{ host: 'replica', servers: 'some' }] },
      "replicas[0].servers must be one of 'one', 'many', not a text",
    ],
    [
      'a primary of several servers',
      { primary: { ...PRIMARY, servers: 'many' } },
      "primary.servers cannot be 'many': one server takes the writes",
    ],
    [
      'a rule for an endpoint',
      {
        primary: PRIMARY,
        replicas: [{ host: 'replica', servers: 'many', name: 'reader' }],
        tables: { big: 'reader', small: 'reader-0123456789' },
      },
      'tables.big names an endpoint: name one of the servers found there, or the primary',
    ],
    [
      'the URL of another database',
      { type: 'mysql', primary: PRIMARY },
      'primary.url begins with postgres://; it must begin with mysql:// or mariadb://',
    ],
    [
      'an option of other databases',
      { primary: PRIMARY, pool: { replica: { checkAfterIdleMs: 1 } } },
      'pool.replica.checkAfterIdleMs is an option for MySQL and MariaDB only',
    ],
    [
      'a socket of other databases',
      { primary: { socketPath: '/run/db.sock' } },
      'primary.socketPath is an option for MySQL and MariaDB only',
    ],
    [
      'a function that gives the password of MySQL',
      { type: 'mysql', primary: { host: 'db', password: () => 's3cret' } },
      'primary.password must be a text, not a function',
    ],
    [
      'how MySQL chooses a replica',
      { replication: { master: PRIMARY, slaves: [], selector: 'RR' } },
      'replication.selector is not an option',
    ],
    ['no primary', {}, 'primary is missing'],
    ['an unknown key', { primary: PRIMARY, replica: [] }, 'replica is not an option; did you mean replicas?'],
    [
      'an unknown key of TypeORM',
      { primary: PRIMARY, synchronise: true },
      'synchronise is not an option; did you mean synchronize?',
    ],
    [
      'an unknown key of a node',
      { primary: PRIMARY, replicas: [{ hots: 'x' }] },
      'replicas[0].hots is not an option; did you mean host?',
    ],
    [
      'an unknown key of the session',
      { primary: PRIMARY, session: { ttl: 1 } },
      'session.ttl is not an option; did you mean ttlMs?',
    ],
    [
      'two nodes of one name',
      { primary: PRIMARY, replicas: [{ name: 'a' }, { name: 'a' }] },
      'replicas[1].name is also the name of replicas[0]',
    ],
    [
      'a replica named as the primary',
      { primary: PRIMARY, replicas: [{ name: 'primary' }] },
      'replicas[0].name is also the name of primary',
    ],
    [
      'a given name that is also a default',
      { primary: PRIMARY, replicas: [{ name: 'b', host: 'a' }, { host: 'b' }] },
      'replicas[1].name is also the name of replicas[0]',
    ],
    [
      'a name with a comma',
      { primary: PRIMARY, replicas: [{ name: 'a,b' }] },
      'replicas[0].name must be 1 to 64 letters',
    ],
    [
      'replicas that are no list',
      { primary: PRIMARY, replicas: PRIMARY },
      'replicas must be a list, not an object',
    ],
    [
      'an unreadable URL',
      { primary: { url: 'postgres://u:p@[::1/x' } },
      'primary.url cannot be read as postgres://',
    ],
    ['a URL of another kind', { primary: { url: 'mysql://u:p@h/x' } }, 'primary.url begins with mysql://'],
    ['an empty URL', { primary: PRIMARY, replicas: [{ url: '' }] }, 'replicas[0].url is empty'],
    [
      'a URL that the environment did not give',
      { primary: { url: undefined } },
      'primary.url is undefined: is the environment variable set?',
    ],
    ['no URL at all', { primary: { url: null } }, 'primary.url must be a text, not null'],
    [
      'a port out of range',
      { primary: { host: 'h', port: 70_000 } },
      'primary.port must be a whole number from 1 to 65535, not another one',
    ],
    [
      'a negative time',
      { primary: PRIMARY, maxLagMs: -1 },
      'maxLagMs must be a number of at least 1, not -1',
    ],
    [
      'a time that is no number',
      { primary: PRIMARY, catchUpTimeoutMs: '5' },
      'catchUpTimeoutMs must be a number of at least 1, not a text',
    ],
    [
      'a time without end',
      { primary: PRIMARY, monitor: { probeTimeoutMs: Infinity } },
      'monitor.probeTimeoutMs must be a number of at least 10, not Infinity',
    ],
    ['lanes by number', { primary: PRIMARY, lanes: 3 }, 'lanes must be true or false, not 3'],
    [
      'a use before the first',
      { primary: PRIMARY, prepareAfter: 0 },
      'prepareAfter must be a whole number of at least 1, not 0',
    ],
    [
      'a back-off that is no longer than the interval',
      { primary: PRIMARY, monitor: { intervalMs: 2_000, maxIntervalMs: 1_999 } },
      'monitor.maxIntervalMs must be at least monitor.intervalMs (2000), not 1999',
    ],
    [
      'a probe that is no function',
      { primary: PRIMARY, monitor: { probe: 'SELECT 1' } },
      "monitor.probe must be a function such as ({ query }) => query('SELECT 1'), not a text",
    ],
    [
      'a session that is forgotten too early',
      { primary: PRIMARY, session: { ttlMs: 10_999 } },
      'session.ttlMs must be at least maxLagMs + monitor.intervalMs (10000 + 1000), not 10999',
    ],
    [
      'a lag limit beyond the session',
      { primary: PRIMARY, maxLagMs: 60_000 },
      'session.ttlMs must be at least maxLagMs + monitor.intervalMs (60000 + 1000), not 30000',
    ],
    [
      'a key that is no function',
      { primary: PRIMARY, session: { key: 'sid' } },
      "session.key must be a function such as fromCookie('sid'), not a text",
    ],
    [
      'a replica whose host is not set',
      { primary: PRIMARY, replicas: [{ host: undefined, port: 5432 }] },
      'replicas[0].host is undefined: is the environment variable set?',
    ],
    [
      'a setting of pg',
      { primary: PRIMARY, pool: { max: 5 } },
      'pool.max is not an option; did you mean size?',
    ],
    [
      'a store without methods',
      { primary: PRIMARY, session: { store: {} } },
      'session.store must have the methods load and save',
    ],
    [
      'an unknown consistency',
      { primary: PRIMARY, defaultConsistency: 'linear' },
      "defaultConsistency must be one of 'strong', 'session', 'bounded', 'eventual', not a text",
    ],
    [
      'an unknown preference',
      { primary: PRIMARY, defaultReadPreference: 'slave' },
      "defaultReadPreference must be one of 'replica', 'primary'",
    ],
    [
      'a switch that is no boolean',
      { primary: PRIMARY, enabled: '0' },
      'enabled must be true or false, not a text',
    ],
    [
      'a rule for what is no table',
      { primary: PRIMARY, tables: { 'a.b.c': 'primary' } },
      'tables has a key that is no name of a table: write table or schema.table, with letters as in the catalog',
    ],
    [
      'a discovery that finds nothing out',
      { primary: PRIMARY, discovery: 'pg.internal' },
      'discovery must be discoverReplicas(), dnsReplicas() or have the method find, not be a text',
    ],
    [
      'a discovery that was made wrongly',
      { primary: PRIMARY, discovery: { find: () => undefined, problems: ['intervalMs must be ...'] } },
      'discovery: intervalMs must be ...',
    ],
    [
      'a discovery beside replicas',
      { primary: PRIMARY, replicas: [{ host: 'b' }], discovery: { find: () => undefined } },
      'discovery takes the place of replicas: give one or the other',
    ],
    [
      "a discovery beside TypeORM's replicas",
      { replication: { master: {}, slaves: [{ host: 'b' }] }, discovery: { find: () => undefined } },
      'discovery takes the place of replicas: give one or the other',
    ],
    [
      'both ways to name nodes',
      { primary: PRIMARY, replication: { master: {}, slaves: [] } },
      'replication cannot stand beside primary and replicas',
    ],
    [
      'replication without a master',
      { replication: { slaves: [] } },
      'replication.master must be an object, not undefined',
    ],
  ])('reports %s', (_, options, problem) => {
    expect(problemsOf({ type: 'postgres', ...options })).toEqual([expect.stringContaining(problem)]);
  });

  it('knows the ports and the pools of MySQL', () => {
    const { type, primary, replicas } = resolveOptions({
      type: 'mariadb',
      primary: { host: 'db', ssl: {} },
      replicas: [
        { url: 'mysql://app:s3cret@r1/shop?host=elsewhere' },
        { socketPath: '/run/r2.sock', poolSize: 3 },
      ],
      pool: { maxLifetimeMs: 60_000, replica: { size: 5, checkAfterIdleMs: 0 } },
    });
    expect(type).toBe('mariadb');
    expect([primary, ...replicas]).toMatchObject([
      { address: 'db:3306', pool: { maxLifetimeMs: 60_000, checkAfterIdleMs: 30_000 } },
      { name: 'r1', address: 'r1:3306', pool: { size: 5, checkAfterIdleMs: 0 } },
      { name: '-run-r2.sock', address: '/run/r2.sock:3306', pool: { size: 3 } },
    ]);
  });

  it("accepts TypeORM's replication for MySQL as it stands", () => {
    const replication = {
      master: { host: 'db' },
      slaves: [{ host: 'r1', poolSize: 7 }],
      canRetry: true,
      removeNodeErrorCount: 5,
      restoreNodeTimeout: 1_000,
      selector: 'RANDOM',
    } as const;
    const { balancer, replicas, warnings } = resolveOptions({
      type: 'mysql',
      replication: { ...replication, slaves: [...replication.slaves] },
    });
    expect(balancer).toBe('random');
    expect(replicas).toMatchObject([{ name: 'r1', pool: { size: 7 } }]);
    expect(warnings.map((line) => line.split(':')[0])).toEqual([
      'replication.canRetry',
      'replication.removeNodeErrorCount',
      'replication.restoreNodeTimeout',
    ]);
  });

  it.each([
    [{ selector: 'RR' }, 'round-robin'],
    [{ defaultSelector: 'RANDOM' }, 'random'],
    [{}, 'least-busy'],
  ] as const)('translates %j of a replication', (selectors, balancer) => {
    const replication = { master: { host: 'db' }, slaves: [], ...selectors };
    expect(resolveOptions({ type: 'mysql', replication }).balancer).toBe(balancer);
  });

  it('chooses the first replica that serves, as ORDER says', () => {
    const replication = { master: { host: 'db' }, slaves: [], selector: 'ORDER' as const };
    const { balancer } = resolveOptions({ type: 'mysql', replication });
    expect((balancer as (nodes: object[]) => string)([{ name: 'a' }, { name: 'b' }])).toBe('a');
  });

  it('takes the TLS options at the top for each node of MySQL, as TypeORM does', () => {
    const replication = { master: { host: 'db' }, slaves: [] };
    expect(resolveOptions({ type: 'mysql', ssl: { ca: 'it' }, replication }).warnings).toEqual([]);
  });

  it('reports all mistakes in one error, and never a credential', () => {
    const options = {
      type: 'postgres',
      primary: { url: 'mysql://app:s3cret@h/x' },
      replicas: [{ url: 'postgres://app:s3cret@[bad', port: 0 }],
      maxLagMs: 0,
      maxLagMS: 5,
    };
    expect(problemsOf(options)).toHaveLength(5);
    expect(() => resolveOptions(options as never)).toThrow(/nestjs-replica:\n {2}- /);
    expect(JSON.stringify(problemsOf(options))).not.toContain('s3cret');
  });

  it.each([undefined, null, [], 'x'])('refuses %j as options', (options) => {
    expect(problemsOf(options)).toEqual([expect.stringContaining('the options must be an object')]);
  });

  it('leaves open which replicas a discovery finds', () => {
    const discovery = { find: () => Promise.reject(new Error('not asked at boot')) };
    const options = { type: 'postgres', primary: PRIMARY, discovery, tables: { metrics: 'found-later' } };
    expect(problemsOf(options)).toEqual([]);
    expect(resolveOptions(options as never)).toMatchObject({ discovery, replicas: [] });
  });

  it('accepts a store, and a session of exactly the least duration', () => {
    const session = { store: new MemorySessionStore(), ttlMs: 11_000, key: () => 'x' };
    expect(problemsOf({ type: 'postgres', primary: PRIMARY, session })).toEqual([]);
  });

  it('suggests the closest key, and only warns of options that TypeORM used to have', () => {
    const suggested = (key: string): readonly string[] =>
      problemsOf({ type: 'postgres', primary: PRIMARY, [key]: {} });
    expect(suggested('sesion')).toEqual(['sesion is not an option; did you mean session?']);
    expect(suggested('replcias')).toEqual(['replcias is not an option; did you mean replicas?']);
    expect(problemsOf({ type: 'postgres', primary: PRIMARY, fallback: {} })).toEqual([
      'fallback.maxConcurrent is missing: give how many reads at once the primary may take over',
    ]);
    const old = {
      keepConnectionAlive: true,
      cli: {},
      timezone: 'Z',
      location: 'x',
      autoSave: true,
      madeUp: 1,
    };
    const { warnings } = resolveOptions({ type: 'postgres', primary: PRIMARY, ...old } as never);
    expect(warnings.map((line) => line.split(':')[0])).toEqual(Object.keys(old));
  });

  it.each([
    [{ primary: PRIMARY, host: 'h', password: 's3cret' }, ['host', 'password']],
    [{ replication: { master: PRIMARY, slaves: [] }, username: 'app' }, ['username']],
    [{ primary: PRIMARY, sticky: { windowMs: 5 } }, ['sticky.windowMs']],
    [{ primary: PRIMARY, session: { store: new MemorySessionStore() } }, ['session.store']],
    [{ host: 'h', password: 's3cret', sticky: { mode: 'time', windowMs: 5 } }, []],
  ])('warns of what has no effect beside others: %j', (options, paths) => {
    const { warnings } = resolveOptions({ type: 'postgres', ...options } as never);
    expect(warnings.map((line) => line.split(':')[0])).toEqual(paths);
    expect(warnings.join()).not.toContain('s3cret');
  });

  it('treats an empty url beside a host as absent', () => {
    const options = { type: 'postgres', url: '', host: 'a', replicas: [{ url: '', host: 'b' }] };
    const { primary, replicas } = resolveOptions(options as never);
    expect([primary, ...replicas].map(({ address }) => address)).toEqual(['a:5432', 'b:5432']);
  });

  it.each([
    'postgres://app:pa/ss@db/shop',
    'postgres://app:1/ss@db/shop',
    'postgres://app:1?ss@db/shop',
    'postgres://app:p@ss/word@db/shop',
    'postgres://app:p@ss#word@db/shop',
    'pass:word',
    'postgres:secret',
  ])('refuses a URL whose password is not percent-encoded, and repeats nothing of it: %s', (url) => {
    const [problem = '', ...others] = problemsOf({ type: 'postgres', primary: { url } });
    expect(others).toEqual([]);
    expect(problem).toMatch(/^primary\.url (cannot be read as|begins otherwise)/);
  });
});
