import { SessionClock } from '../../libs/replica/src/session/session-clock.js';
import type { PositionSource } from '../../libs/replica/src/context/position-source.js';
import { RequestContext } from '../../libs/replica/src/context/request-context.js';
import { ContextStorage, type Scope } from '../../libs/replica/src/context/context-storage.js';
import { SessionHandle } from '../../libs/replica/src/context/session-handle.js';
import {
  RouteFinder,
  type RouteFinderOptions,
} from '../../libs/replica/src/execution/attempts/route-finder.js';
import { BUILT_IN_CATALOG } from '../../libs/replica/src/postgres/statements/catalog.js';
import { StatementClassifier } from '../../libs/replica/src/postgres/statements/statement-classifier.js';
import { decideRoute } from '../../libs/replica/src/routing/decide-route.js';
import type { RouteQuery } from '../../libs/replica/src/routing/route-query.js';
import { MemorySessionStore } from '../../libs/replica/src/session/memory.store.js';
import {
  balancerWith,
  intent,
  LIMITS,
  NOW_MS,
  replica,
  request,
  session,
  topologyOf,
} from '../support/routing/route-queries.js';
import { TYPEORM_READS } from '../support/statements/reads.js';
import { answerParent } from './support/child.js';
import { timeCalls, type CallCost, type SmallCall } from './support/time-calls.js';

/** The statement of a `findOneBy`, of common length. */
const POINT_READ = TYPEORM_READS[0] as string;
/** What applications send, without the statements by which TypeORM reads the schema. */
const TEXTS = TYPEORM_READS.slice(0, 17);
/** Both replicas have what the session has written. */
const TOPOLOGY = topologyOf(replica('r1'), replica('r2'));
const WRITTEN = 900n;

function expectEqual(what: string, given: unknown, expected: unknown): void {
  if (JSON.stringify(given) !== JSON.stringify(expected))
    throw new Error(`${what}: ${JSON.stringify(given)} instead of ${JSON.stringify(expected)}`);
}

const queryWith = (view: RouteQuery['request']): RouteQuery => ({
  enabled: true,
  statement: 'read',
  primaryRunner: false,
  readOnlyTransaction: false,
  request: view,
  topology: TOPOLOGY,
  limits: LIMITS,
  failed: [],
  waited: new Set(),
  nowMs: NOW_MS,
  balancer: balancerWith(Math.random),
  positionAfter: () => undefined,
});

function decideFor(what: string, view: RouteQuery['request'], reason: string): SmallCall<RouteQuery> {
  const query = queryWith(view);
  return {
    what,
    inputs: (count) => Array.from({ length: count }, () => query),
    call: decideRoute,
    check: (decision) => {
      const { node } = decision as { node: string };
      if (view?.session !== undefined) expectEqual(what, node, 'r1');
      expectEqual(what, decision, { kind: 'route', node, reason });
    },
  };
}

/** A classifier that knows the database. */
function knowing(): StatementClassifier {
  const classifier = new StatementClassifier();
  classifier.useCatalog({ ...BUILT_IN_CATALOG, revision: 'bench' });
  return classifier;
}

/** Texts as TypeORM passes them on: each is a new string, which nobody has hashed yet. */
function newTexts(texts: readonly string[], count: number): string[] {
  const bytes = texts.map((text) => Buffer.from(text));
  return Array.from({ length: count }, (_, index) =>
    (bytes[index % bytes.length] as Buffer).toString('latin1'),
  );
}

function sameTexts(count: number): string[] {
  return Array.from({ length: count }, (_, index) => TEXTS[index % TEXTS.length] as string);
}

const checkRead = (what: string) => (statement: unknown) =>
  expectEqual(what, (statement as { kind: string }).kind, 'read');

function classifyHit(what: string, inputs: (count: number) => readonly string[]): SmallCall<string> {
  const classifier = knowing();
  for (const text of TEXTS) checkRead(text)(classifier.classify(text));
  return { what, inputs, call: (text) => classifier.classify(text), check: checkRead(what) };
}

function classifyMiss(): SmallCall<string> {
  const classifier = knowing();
  let number = 0;
  return {
    what: 'classify, miss',
    callsPerBatch: 50,
    // A different alias makes each of them a text that was never seen.
    inputs: (count) =>
      Array.from({ length: count }, (_, index) =>
        (TEXTS[index % TEXTS.length] as string).replace('SELECT ', `SELECT ${number++} AS "n", `),
      ).map((text) => Buffer.from(text).toString('latin1')),
    call: (text) => classifier.classify(text),
    check: checkRead('classify, miss'),
  };
}

/** The request of a session that has written, while the handler runs. */
function requestOf(store: MemorySessionStore): RequestContext {
  const handle = new SessionHandle({ store, timeoutMs: 250, ttlMs: 30_000, resolveKey: () => 'session-1' });
  const context = new RequestContext(POSITIONS, performance.now());
  context.attach(handle);
  void handle.loaded();
  handle.conclude();
  return context;
}

const POSITIONS: PositionSource = {
  sticky: { mode: 'position' },
  clock: new SessionClock({ keptMs: 30_000 }),
  unknownForMs: 30_000,
  capture: () => Promise.reject(new Error('nothing is written here')),
  hurry: () => undefined,
};

function openRequest(store: MemorySessionStore): SmallCall<MemorySessionStore> {
  return {
    what: 'open a request',
    inputs: (count) => Array.from({ length: count }, () => store),
    call: requestOf,
    check: (context) => {
      const { session: found } = (context as RequestContext).view(intent());
      expectEqual('open a request', found?.position === WRITTEN, true);
    },
  };
}

/** Everything between a statement's text and its node, as for each read of a request: the context, the class, the rule. */
function wholeDecision(contexts: ContextStorage): SmallCall<string> {
  const what = 'context, class and decision';
  const classifier = knowing();
  const options: Omit<RouteFinderOptions, 'monitor'> = {
    classifier,
    limits: LIMITS,
    tableRule: () => undefined,
    routeOverride: undefined,
    isEnabled: () => true,
    nowMs: () => NOW_MS,
    random: Math.random,
  };
  const monitor = { topology: TOPOLOGY, primaryPositionAtOrAfter: () => undefined };
  const finder = new RouteFinder(
    { ...options, monitor: monitor as unknown as RouteFinderOptions['monitor'] },
    () => ({ inFlight: 0, latencyMs: 1 }),
  );
  return {
    what,
    inputs: (count) => newTexts([POINT_READ], count),
    call: (text) => {
      const scope = contexts.current();
      return finder.find(classifier.classify(text), scope, { conditions: { text, primaryRunner: false } });
    },
    check: (route) => expectEqual(what, (route as { reason: string }).reason, 'session-replayed'),
  };
}

answerParent(({ batches }: { batches: number }): Promise<CallCost[]> => {
  const store = new MemorySessionStore();
  store.save('session-1', { position: WRITTEN }, 3_600_000);
  const contexts = new ContextStorage();
  const scope: Scope = { request: requestOf(store), intent: intent() };
  const written = session({ position: WRITTEN });
  // Inside a context, as in an application.
  return contexts.run(scope, () =>
    Promise.resolve([
      timeCalls(
        decideFor('decide, session that has written', request({ session: written }), 'session-replayed'),
        batches,
      ),
      timeCalls(decideFor('decide, no session', request(), 'session-free'), batches),
      timeCalls(decideFor('decide, outside any request', undefined, 'no-context'), batches),
      timeCalls(
        classifyHit('classify, hit, a new string', (count) => newTexts(TEXTS, count)),
        batches,
      ),
      timeCalls(classifyHit('classify, hit, the same string', sameTexts), batches),
      timeCalls(classifyMiss(), batches),
      timeCalls(wholeDecision(contexts), batches),
      timeCalls(openRequest(store), batches),
    ]),
  );
});
