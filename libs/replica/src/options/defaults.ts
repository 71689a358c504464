import type { RoutingOptions } from './replica-options.js';

/** The one place of every default. Durations in milliseconds. */
export const DEFAULTS = Object.freeze({
  name: 'default',
  enabled: true,
  defaultReadPreference: 'replica',
  defaultConsistency: 'session',
  maxStalenessMs: 5_000,
  maxLagMs: 10_000,
  onBehind: 'primary',
  catchUpTimeoutMs: 500,
  minServing: 0,
  fallback: 'primary',
  queueTimeoutMs: 1_000,
  balancer: 'least-busy',
  retries: Object.freeze({ ratio: 0.2, minPerSecond: 10 }),
  primaryWaitMs: 0,
  startWithoutPrimary: false,
  /** Of a node. */
  weight: 1,
  drainTimeoutMs: 30_000,
  sticky: Object.freeze({ mode: 'position', windowMs: 2_000 }),
  session: Object.freeze({ ttlMs: 30_000, timeoutMs: 250, secrets: [] as readonly string[] }),
  monitor: Object.freeze({
    intervalMs: 1_000,
    probeTimeoutMs: 750,
    catchUpIntervalMs: 20,
    suspectIntervalMs: 100,
    flapWindowMs: 30_000,
  }),
  lanes: true,
  prepare: true,
  prepareAfter: 5,
  /** TypeORM's `connectTimeoutMS`, which has no limit of its own: to connect, or to wait for a free connection. */
  connectTimeoutMS: 10_000,
}) satisfies RoutingOptions & {
  connectTimeoutMS: number;
  queueTimeoutMs: number;
  weight: number;
  drainTimeoutMs: number;
};

/** Of the option `discovery`, and of what finds replicas for it. */
export const DISCOVERY_DEFAULTS = Object.freeze({
  /** Of `discoverReplicas()`. */
  intervalMs: 30_000,
  /** Of `dnsReplicas()`. */
  port: 5432,
  minIntervalMs: 1_000,
  maxIntervalMs: 300_000,
  unknownTtlMs: 30_000,
  rememberMs: 0,
  /** How long the application's start waits for the first answer. */
  startWaitMs: 1_000,
  timeoutMs: 10_000,
  retryMs: 1_000,
  maxRetryMs: 30_000,
});
