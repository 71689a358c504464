import { describe, expect, it } from '@jest/globals';
import {
  cookieToken,
  DataSourceRouter,
  discoverReplicas,
  dnsReplicas,
  headerToken,
  InvalidChoiceError,
  RedisSessionStore,
  ReplicaDataSource,
  ReplicaModule,
  replicaOptionsFromEnv,
  UnknownReplicaError,
} from 'nestjs-replica';
import { startPostgresCluster } from 'nestjs-replica/testing';
import { inspect } from 'node:util';
import { JWT_LIKE, SECRETS, tellsSecret } from '../../support/secrets/secrets.js';
import { everythingOf } from '../../support/secrets/seen.js';

const FINE = { url: 'postgres://app@db.internal/shop' };

function outcomeOf(work: () => unknown): unknown {
  try {
    return work();
  } catch (error) {
    return error;
  }
}

type Place = (secret: string) => unknown;
const withOptions =
  (options: (secret: string) => object): Place =>
  (secret) =>
    new ReplicaDataSource({ type: 'postgres', ...options(secret) });
const inPrimary = (node: (secret: string) => object): Place =>
  withOptions((secret) => ({ primary: node(secret) }));
const urlWith = (secret: string): string => `postgres://app:${secret}@db.internal/shop`;

const PLACES: readonly (readonly [string, Place])[] = [
  ['the password', inPrimary((password) => ({ host: 'db.internal', password }))],
  ['a password function', inPrimary((secret) => ({ host: 'db.internal', password: () => secret }))],
  ['a URL, percent-encoded', inPrimary((secret) => ({ url: urlWith(encodeURIComponent(secret)) }))],
  ['a URL, as it is', inPrimary((secret) => ({ url: urlWith(secret) }))],
  ['a URL of another kind', inPrimary((secret) => ({ url: `mysql://app:${secret}@h/x` }))],
  ['the whole URL', inPrimary((secret) => ({ url: secret }))],
  ['a URL as host', inPrimary((secret) => ({ host: urlWith(encodeURIComponent(secret)) }))],
  ['user and password as host', inPrimary((secret) => ({ host: `app:${secret}@db` }))],
  ['a URL at the top as host', withOptions((secret) => ({ host: urlWith(secret), replicas: [] }))],
  ['a URL as name', inPrimary((secret) => ({ ...FINE, name: urlWith(secret) }))],
  ['a URL as the name of the data source', withOptions((secret) => ({ primary: FINE, name: ['x', secret] }))],
  ['the port', inPrimary((secret) => ({ host: 'db', port: secret }))],
  ['a key of a node', inPrimary((secret) => ({ ...FINE, [`${secret}://`]: 1 }))],
  ['a key at the top', withOptions((secret) => ({ primary: FINE, [`${secret}://`]: 1 }))],
  ['a key of session', withOptions((secret) => ({ primary: FINE, session: { [`${secret}://`]: 1 } }))],
  ['a key of tables', withOptions((secret) => ({ primary: FINE, tables: { [`${secret}://`]: 'primary' } }))],
  ['a value of tables', withOptions((secret) => ({ primary: FINE, tables: { a: `${secret}://` } }))],
  ['extra', withOptions((secret) => ({ primary: FINE, extra: { password: secret, ssl: { key: secret } } }))],
  ['ssl', inPrimary((secret) => ({ ...FINE, ssl: { key: secret, passphrase: secret } }))],
  [
    'ssl of a replica',
    withOptions((secret) => ({ primary: FINE, replicas: [{ ...FINE, ssl: { key: secret } }] })),
  ],
  [
    'the cache',
    withOptions((secret) => ({ primary: FINE, cache: { type: 'database', options: { password: secret } } })),
  ],
  [
    'replication',
    withOptions((secret) => ({
      replication: { master: { host: 'a', password: secret }, slaves: [{ host: 'b', password: secret }] },
    })),
  ],
  ['replication as a text', withOptions((secret) => ({ replication: urlWith(secret) }))],
  ['replicas as a text', withOptions((secret) => ({ primary: FINE, replicas: urlWith(secret) }))],
  ['a replica as a text', withOptions((secret) => ({ primary: FINE, replicas: [urlWith(secret)] }))],
  ['a choice', withOptions((secret) => ({ primary: FINE, onBehind: secret }))],
  ['a duration', withOptions((secret) => ({ primary: FINE, maxLagMs: secret }))],
  ['a switch', withOptions((secret) => ({ primary: FINE, lanes: secret }))],
  ['labels', inPrimary((secret) => ({ ...FINE, tags: secret }))],
  [
    'secrets of sessions',
    withOptions((secret) => ({
      primary: FINE,
      session: { secrets: [secret.padEnd(40, 'x')], token: headerToken() },
    })),
  ],
  [
    'a short secret of sessions',
    withOptions((secret) => ({ primary: FINE, session: { secrets: [secret.slice(0, 20)] } })),
  ],
  ['the store', withOptions((secret) => ({ primary: FINE, session: { store: urlWith(secret) } }))],
  ['the key of sessions', withOptions((secret) => ({ primary: FINE, session: { key: secret } }))],
  ['all options', (secret) => new ReplicaDataSource(secret as never)],
  [
    'options of the module',
    (secret) => ReplicaModule.forRoot({ type: 'postgres', primary: { host: 'a', password: secret } }),
  ],
  ['DATABASE_URL', (secret) => replicaOptionsFromEnv({ DATABASE_URL: secret.replaceAll('@', '') })],
  ['POSTGRES_PORT', (secret) => replicaOptionsFromEnv({ POSTGRES_HOST: 'db', POSTGRES_PORT: secret })],
  [
    'ENABLE_READ_REPLICA',
    (secret) => replicaOptionsFromEnv({ DATABASE_URL: FINE.url, ENABLE_READ_REPLICA: secret }),
  ],
  [
    'DATABASE_READ_REPLICA_URL',
    (secret) =>
      replicaOptionsFromEnv({ DATABASE_URL: FINE.url, DATABASE_READ_REPLICA_URL: `redis://${secret}` }),
  ],
  ["a cookie's name", (secret) => cookieToken({ name: `${secret} =` })],
  ["a cookie's path", (secret) => cookieToken({ path: `${secret};` })],
  ["a cookie's sameSite", (secret) => cookieToken({ sameSite: secret as never })],
  ["a cookie's key", (secret) => cookieToken({ [`${secret} `]: 1 })],
  ["a header's name", (secret) => headerToken(`${secret} :`)],
  ['a name in DNS', (secret) => dnsReplicas({ hostname: urlWith(secret) }).problems],
  ['a DNS server', (secret) => dnsReplicas({ hostname: 'a.b', servers: [urlWith(secret)] }).problems],
  ['a DNS type', (secret) => dnsReplicas({ hostname: 'a.b', type: secret as never }).problems],
  ['a discovery', withOptions((secret) => ({ primary: FINE, discovery: urlWith(secret) }))],
  ['options of a discovery', (secret) => discoverReplicas(() => [], { [`${secret}://`]: 1 }).problems],
  ['a Redis client', (secret) => new RedisSessionStore({ client: urlWith(secret) as never })],
  [
    'the prefix in Redis',
    (secret) => new RedisSessionStore({ client: () => Promise.resolve(), prefix: secret }),
  ],
  ['a choice of the balancer', (secret) => new InvalidChoiceError('balancer', urlWith(secret), ['a'])],
  ["a replica's name", (secret) => new UnknownReplicaError(urlWith(secret), ['a'], { isPrimary: false })],
];

describe.each(SECRETS)('a password such as %j', (_, secret) => {
  it.each(PLACES)('is shown by no error and no inspection, given as %s', (__, place) => {
    const outcome = outcomeOf(() => place(secret));
    const seen = [outcome];
    if (outcome instanceof ReplicaDataSource) {
      const { router, driver, options, manager } = outcome;
      seen.push(router, driver, options, manager);
      expect(router).toBeInstanceOf(DataSourceRouter);
    }
    // What the caller is given back to use is theirs to show.
    if (typeof outcome === 'object' && outcome !== null && 'type' in outcome && 'primary' in outcome) return;
    expect(tellsSecret(seen.map((value) => everythingOf(value)).join('\n'), secret)).toBe(false);
  });

  it('is shown by no error of the cluster for tests', async () => {
    const errors = await Promise.all(
      [
        { image: { secret } },
        { backend: secret },
        { replicas: secret },
        { [`${secret}!`]: 1 },
        { settings: { port: secret } },
      ].map((options) =>
        startPostgresCluster(options as never).then(
          () => 'started',
          (error: unknown) => error,
        ),
      ),
    );
    for (const error of errors) {
      expect(error).toMatchObject({ code: 'REPLICA_TEST_CLUSTER_OPTIONS_INVALID' });
      expect(tellsSecret(everythingOf(error), secret)).toBe(false);
    }
  });
});

it('looks for secrets in all the ways that they may be written', () => {
  for (const written of [JWT_LIKE, encodeURIComponent(JWT_LIKE), JSON.stringify(JWT_LIKE), inspect(JWT_LIKE)])
    expect(tellsSecret(`it says ${written}!`, JWT_LIKE)).toBe(true);
  expect(tellsSecret('it says nothing', JWT_LIKE)).toBe(false);
});
