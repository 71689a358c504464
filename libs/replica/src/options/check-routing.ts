import { BALANCERS } from '../routing/balancer.js';
import { parseTableName } from '../routing/table-name.js';
import { CONSISTENCIES, ON_BEHIND, READ_PREFERENCES } from '../routing/route.js';
import { DEFAULTS } from './defaults.js';
import { KNOWN_KEYS } from './known-keys.js';
import { describe, type OptionProblems } from './option-problems.js';
import type { MonitorOptions, RoutingOptions, SessionOptions } from './replica-options.js';

/** Finds the mistakes in everything but the nodes. */
export function checkRouting(problems: OptionProblems, options: RoutingOptions<never>): void {
  problems.boolean('enabled', options.enabled);
  problems.boolean('lanes', options.lanes);
  problems.boolean('prepare', options.prepare);
  problems.whole('prepareAfter', options.prepareAfter, 1);
  problems.oneOf('defaultReadPreference', options.defaultReadPreference, READ_PREFERENCES);
  problems.oneOf('defaultConsistency', options.defaultConsistency, CONSISTENCIES);
  problems.number('maxStalenessMs', options.maxStalenessMs, 1);
  problems.number('catchUpTimeoutMs', options.catchUpTimeoutMs, 1);
  problems.oneOf('onBehind', options.onBehind, ON_BEHIND);
  problems.number('primaryWaitMs', options.primaryWaitMs, 0);
  problems.boolean('startWithoutPrimary', options.startWithoutPrimary);
  problems.label('region', options.region);
  problems.number('drainTimeoutMs', options.drainTimeoutMs, 0);
  checkDiscovery(problems, options);
  const { session = {}, monitor = {}, sticky = {} } = options;
  if (problems.object('sticky', sticky, KNOWN_KEYS.sticky)) {
    problems.oneOf('sticky.mode', sticky.mode, ['position', 'time']);
    problems.number('sticky.windowMs', sticky.windowMs, 1);
    if (sticky.windowMs !== undefined && sticky.mode !== 'time')
      problems.warn('sticky.windowMs', "it has no effect without mode: 'time'");
  }
  if (problems.object('monitor', monitor, KNOWN_KEYS.monitor)) checkMonitor(problems, monitor);
  if (problems.object('session', session, KNOWN_KEYS.session)) checkSession(problems, session);
  checkBalancer(problems, options.balancer);
  checkFallback(problems, options.fallback);
  checkRetries(problems, options.retries);
  checkRules(problems, options);
  checkLag(problems, options);
}

function checkDiscovery(problems: OptionProblems, { discovery }: RoutingOptions<never>): void {
  if (discovery === undefined) return;
  if (typeof discovery?.find !== 'function') {
    problems.add(
      'discovery',
      `must be discoverReplicas(), dnsReplicas() or have the method find, not be ${describe(discovery)}`,
    );
    return;
  }
  for (const problem of discovery.problems ?? []) problems.add('discovery:', problem);
}

function checkMonitor(problems: OptionProblems, monitor: MonitorOptions): void {
  const { intervalMs = DEFAULTS.monitor.intervalMs, maxIntervalMs } = monitor;
  problems.number('monitor.intervalMs', intervalMs, 10);
  problems.number('monitor.probeTimeoutMs', monitor.probeTimeoutMs, 10);
  problems.number('monitor.catchUpIntervalMs', monitor.catchUpIntervalMs, 1);
  problems.number('monitor.suspectIntervalMs', monitor.suspectIntervalMs, 10);
  problems.number('monitor.flapWindowMs', monitor.flapWindowMs, 0);
  problems.number('monitor.maxIntervalMs', maxIntervalMs, 10);
  problems.function('monitor.probe', monitor.probe, "({ query }) => query('SELECT 1')");
  if (maxIntervalMs !== undefined && maxIntervalMs < intervalMs)
    problems.add(
      'monitor.maxIntervalMs',
      `must be at least monitor.intervalMs (${intervalMs}), not ${maxIntervalMs}`,
    );
}

function checkSession(problems: OptionProblems, session: SessionOptions<never>): void {
  problems.number('session.ttlMs', session.ttlMs, 1);
  problems.function('session.key', session.key, `fromCookie('sid')`);
  problems.number('session.timeoutMs', session.timeoutMs, 1);
  checkStore(problems, session.store);
  if (session.store !== undefined && session.key === undefined)
    problems.warn('session.store', 'it has no effect without session.key, which says whose a request is');
  checkTokens(problems, session);
}

function checkStore(problems: OptionProblems, store: unknown): void {
  if (store === undefined) return;
  const { load, save } = (store ?? {}) as { load?: unknown; save?: unknown };
  if (typeof load !== 'function' || typeof save !== 'function') {
    problems.add('session.store', `must have the methods load and save, not be ${describe(store)}`);
  }
}

function checkTokens(problems: OptionProblems, session: SessionOptions<never>): void {
  const { token, key, store, secrets = [] } = session;
  const areTexts =
    Array.isArray(secrets) &&
    secrets.every((secret: unknown) => typeof secret === 'string' && secret.length >= 32);
  if (!areTexts) problems.add('session.secrets', 'must be a list of texts of at least 32 letters each');
  if (token === undefined) return;
  if (typeof token?.read !== 'function' || typeof token.write !== 'function') {
    problems.add(
      'session.token',
      `must be cookieToken(), headerToken() or have the methods read and write, not be ${describe(token)}`,
    );
  }
  if (areTexts && secrets.length === 0)
    problems.add('session.secrets', 'is missing: a token that a client holds has to be signed');
  if (key !== undefined || store !== undefined)
    problems.add('session.token', 'takes the place of session.key and session.store: give one or the other');
}

function checkBalancer(problems: OptionProblems, balancer: unknown): void {
  if (typeof balancer === 'function') return;
  problems.oneOf('balancer', balancer, BALANCERS);
}

function checkFallback(problems: OptionProblems, fallback: unknown): void {
  if (typeof fallback !== 'object' || fallback === null) {
    problems.oneOf('fallback', fallback, ['primary', 'error']);
    return;
  }
  if (!problems.object('fallback', fallback, KNOWN_KEYS.fallback)) return;
  if (fallback.maxConcurrent === undefined)
    problems.add(
      'fallback.maxConcurrent',
      'is missing: give how many reads at once the primary may take over',
    );
  problems.whole('fallback.maxConcurrent', fallback.maxConcurrent, 1);
  problems.number('fallback.queueTimeoutMs', fallback.queueTimeoutMs, 0);
}

function checkRetries(problems: OptionProblems, retries: unknown): void {
  if (retries === undefined || !problems.object('retries', retries, KNOWN_KEYS.retries)) return;
  problems.number('retries.ratio', retries.ratio, 0);
  if (typeof retries.ratio === 'number' && retries.ratio > 1)
    problems.add('retries.ratio', `is a share from 0 to 1, not ${retries.ratio}`);
  problems.number('retries.minPerSecond', retries.minPerSecond, 0);
}

/** Whether rules name nodes that exist is checked with the nodes. */
function checkRules(problems: OptionProblems, { tables, route }: RoutingOptions<never>): void {
  problems.function('route', route, '({ tables }) => undefined');
  if (tables === undefined) return;
  if (typeof tables !== 'object' || tables === null || Array.isArray(tables)) {
    problems.add('tables', `must be an object such as { accounts: 'primary' }, not ${describe(tables)}`);
    return;
  }
  for (const [table, node] of Object.entries(tables)) {
    if (parseTableName(table) === undefined) {
      problems.add(
        'tables',
        'has a key that is no name of a table: write table or schema.table, with letters as in the catalog',
      );
      continue;
    }
    if (typeof node !== 'string')
      problems.add(`tables.${table}`, `must be a node's name, not ${describe(node)}`);
  }
}

/** How long data may be behind, and that sessions are kept for longer. */
function checkLag(problems: OptionProblems, options: RoutingOptions<never>): void {
  problems.number('maxLagMs', options.maxLagMs, 1);
  problems.number('warnLagMs', options.warnLagMs, 1);
  problems.number('hardMaxLagMs', options.hardMaxLagMs, 1);
  problems.whole('minServing', options.minServing, 0);
  const maxLagMs = options.maxLagMs ?? DEFAULTS.maxLagMs;
  const { warnLagMs = maxLagMs, hardMaxLagMs = maxLagMs } = options;
  if (warnLagMs > maxLagMs)
    problems.add('warnLagMs', `must be at most maxLagMs (${maxLagMs}), not ${warnLagMs}`);
  if (hardMaxLagMs < maxLagMs)
    problems.add('hardMaxLagMs', `must be at least maxLagMs (${maxLagMs}), not ${hardMaxLagMs}`);
  const ttlMs = options.session?.ttlMs ?? DEFAULTS.session.ttlMs;
  const intervalMs = options.monitor?.intervalMs ?? DEFAULTS.monitor.intervalMs;
  const [name, longestMs] = hardMaxLagMs > maxLagMs ? ['hardMaxLagMs', hardMaxLagMs] : ['maxLagMs', maxLagMs];
  if (ttlMs < longestMs + intervalMs) {
    problems.add(
      'session.ttlMs',
      `must be at least ${name} + monitor.intervalMs (${longestMs} + ${intervalMs}), not ${ttlMs}: ` +
        'else a session is forgotten while a replica that may serve it lacks its write',
    );
  }
}
