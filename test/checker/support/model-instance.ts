import { POSTGRES_TERMS } from '../../../libs/replica/src/postgres/terms.js';
import { noteRead } from '../../../libs/replica/src/context/note-read.js';
import { RequestContext } from '../../../libs/replica/src/context/request-context.js';
import { SessionHandle } from '../../../libs/replica/src/context/session-handle.js';
import { RouteFinder } from '../../../libs/replica/src/execution/attempts/route-finder.js';
import type { Intent, RoutingLimits } from '../../../libs/replica/src/routing/route-query.js';
import type { Route } from '../../../libs/replica/src/routing/route.js';
import { SessionClock } from '../../../libs/replica/src/session/session-clock.js';
import type { SessionStore } from '../../../libs/replica/src/session/session-store.js';
import type { MonitorSettings } from '../../../libs/replica/src/topology/monitor-settings.js';
import { TopologyMonitor } from '../../../libs/replica/src/topology/topology-monitor.js';
import type {
  NodeProbe,
  ServerIdentity,
  WatchedNode,
} from '../../../libs/replica/src/topology/node-probe.js';
import type { Topology } from '../../../libs/replica/src/topology/topology.js';
import type { ModelCluster } from './model-cluster.js';
import type { ModelConnection, ModelEndpoint } from './model-endpoint.js';

export const TTL_MS = 3_000;
const MAX_LAG_MS = 1_000;
const INTERVAL_MS = 200;
const RENOTE_AFTER_MS = TTL_MS / 2;

const MONITOR: MonitorSettings = {
  intervalMs: INTERVAL_MS,
  probeTimeoutMs: 100,
  catchUpIntervalMs: 20,
  suspectIntervalMs: 50,
  maxIntervalMs: 400,
  flapWindowMs: 1_000,
  warnLagMs: MAX_LAG_MS / 2,
  maxLagMs: MAX_LAG_MS,
  homesKeptMs: TTL_MS,
  terms: POSTGRES_TERMS,
};

const LIMITS: RoutingLimits = {
  defaultReadPreference: 'replica',
  maxLagMs: MAX_LAG_MS,
  minServing: 0,
  hardMaxLagMs: TTL_MS - INTERVAL_MS,
  rememberedMs: TTL_MS - RENOTE_AFTER_MS - INTERVAL_MS,
  catchUpTimeoutMs: 100,
  balancer: 'least-busy',
  fallback: 'primary',
};

const READ = Object.freeze({
  kind: 'read',
  mayWrite: false,
  keepsConnection: false,
  changesCatalog: false,
} as const);

/** A defect put into an instance, to see that the model finds it. */
export type ModelDefect =
  | 'forgets-former-homes'
  | 'notes-nothing'
  | 'moves-at-once'
  | 'notes-no-home'
  | 'uses-any-connection'
  | 'believes-other-runs'
  | 'believes-any-cluster'
  | 'sees-no-rival'
  | 'reads-on-any-server'
  | 'probes-any-server';

function deceivedIdentity(identity: ServerIdentity, defect: ModelDefect | undefined): ServerIdentity {
  if (defect === 'believes-any-cluster') return { ...identity, system: 'ours' };
  return defect === 'believes-other-runs' ? { ...identity, incarnation: identity.startedAt } : identity;
}

/** The node, of which the monitor learns less where a rule is left out. */
function deceived(node: WatchedNode, defect: ModelDefect | undefined): WatchedNode {
  const probe: NodeProbe = {
    probe: async (timeoutMs) => {
      const { sender, identity, ...answer } = await node.probe.probe(timeoutMs);
      const isRival = node.role === 'replica' && !answer.isReadOnly;
      if (defect === 'sees-no-rival' && isRival) throw new Error('it is not asked');
      return {
        ...answer,
        identity: identity === undefined ? undefined : deceivedIdentity(identity, defect),
        sender: defect === 'sees-no-rival' ? undefined : sender,
      };
    },
    reconnect: () => node.probe.reconnect(),
    close: () => node.probe.close(),
  };
  return { ...node, probe };
}

/** What makes a {@link ModelInstance}. */
export interface ModelInstanceOptions {
  readonly cluster: ModelCluster;
  readonly store: SessionStore;
  readonly random: () => number;
  readonly limits?: Partial<RoutingLimits>;
  readonly defect?: ModelDefect;
  /** Where its replicas are found, in place of a list. */
  readonly endpoint?: ModelEndpoint;
}

/** What a read was shown, and by whom. */
export interface Shown extends Route {
  readonly position: bigint;
}

/** One application process: its own monitor, decisions and requests; the store is shared. */
export class ModelInstance {
  readonly monitor: TopologyMonitor;
  readonly #options: ModelInstanceOptions;
  readonly #finder: RouteFinder;
  /** To which run of its server the connection to each node leads. */
  readonly #connections = new Map<string, string>();
  /** The connections to servers behind the endpoint, by node. */
  readonly #behind = new Map<string, ModelConnection>();

  constructor(nodes: readonly WatchedNode[], options: ModelInstanceOptions) {
    const { random, defect, limits } = options;
    const nowMs = (): number => performance.now();
    this.#options = options;
    this.monitor = new TopologyMonitor(
      nodes.map((node) => deceived(node, defect)),
      MONITOR,
      { nowMs, random },
    );
    const { monitor } = this;
    const known = {
      get topology(): Topology {
        const { topology } = monitor;
        return defect === 'forgets-former-homes' ? { ...topology, formerHomes: [] } : topology;
      },
      waitForReplica: monitor.waitForReplica.bind(monitor),
      capturePosition: monitor.capturePosition.bind(monitor),
      primaryPositionAtOrAfter: (atMs: number) =>
        defect === 'moves-at-once' ? 0n : monitor.primaryPositionAtOrAfter(atMs),
    };
    const load = { inFlight: 0, latencyMs: 1 };
    this.#finder = new RouteFinder(
      {
        monitor: known as unknown as TopologyMonitor,
        classifier: { hasCatalog: true } as never,
        limits: { ...LIMITS, ...limits },
        tableRule: () => undefined,
        routeOverride: undefined,
        isEnabled: () => true,
        nowMs,
        random,
      },
      () => load,
    );
  }

  /** A request of a session; ends, like its response, when all is saved that the next one has to know. */
  async handle(key: string, work: (request: ModelRequest) => Promise<void>): Promise<void> {
    const { store, cluster, defect } = this.#options;
    const { monitor } = this;
    const context = new RequestContext(
      {
        sticky: { mode: 'position' },
        clock: new SessionClock({ keptMs: 30_000 }),
        unknownForMs: 30_000,
        capture: () => monitor.capturePositionSoon('primary'),
        hurry: () => monitor.hurryPosition('primary'),
      },
      performance.now(),
    );
    const session = new SessionHandle({ store, timeoutMs: 60_000, ttlMs: TTL_MS, resolveKey: () => key });
    // Where homes have notes, nobody needs to know the former ones.
    if (defect === 'notes-no-home' || defect === 'forgets-former-homes')
      Object.defineProperty(session, 'isShared', { value: false });
    void session.loaded();
    context.attach(session);
    await work({
      read: (intent) => this.#read(context, intent),
      write: async () => {
        context.ledger.begin();
        try {
          const position = cluster.write();
          await this.#delay();
          context.wrote();
          return position;
        } catch {
          context.ledger.abandon();
          return undefined;
        }
      },
    });
    await context.settle();
    context.end();
  }

  async #read(request: RequestContext, asked: Partial<Intent>): Promise<Shown | undefined> {
    const { cluster, defect } = this.#options;
    const intent: Intent = {
      target: 'replica',
      safeMethod: true,
      consistency: 'session',
      catchUpTimeoutMs: 0,
      preventWrites: false,
      ...asked,
    };
    const scope = { request, intent };
    const failed: string[] = [];
    for (let tries = 0; tries < 3; tries++) {
      const conditions = { text: '', primaryRunner: false };
      const route = await this.#finder.find(READ, scope, { conditions, failed });
      await this.#delay();
      const server = await this.#serverOf(route.node);
      const position = server === undefined ? undefined : cluster.read(server);
      await this.#delay();
      if (position !== undefined) {
        if (defect !== 'notes-nothing') {
          noteRead(scope, route, this.monitor.topology, performance.now(), {
            renoteAfterMs: RENOTE_AFTER_MS,
          });
        }
        return { ...route, position };
      }
      if (failed.includes(route.node)) return undefined;
      failed.push(route.node);
    }
    return undefined;
  }

  /** The server that answers for the node; `undefined`: none may. */
  async #serverOf(name: string): Promise<string | undefined> {
    const { endpoint } = this.#options;
    if (endpoint?.has(name) !== true) return this.#mayRun(name) ? name : undefined;
    return this.#serverBehind(name, endpoint).catch(() => undefined);
  }

  async #serverBehind(name: string, endpoint: ModelEndpoint): Promise<string | undefined> {
    const { defect } = this.#options;
    let connection = this.#behind.get(name);
    if (connection === undefined || !endpoint.isOpen(connection)) {
      const isAnyRight = defect === 'reads-on-any-server';
      connection = await (isAnyRight ? endpoint.connectAnywhere() : endpoint.connect(name));
      const objection = isAnyRight ? undefined : this.monitor.objectionTo(name, connection.identity);
      if (objection !== undefined) {
        this.monitor.suspect(name, objection);
        return undefined;
      }
      this.#behind.set(name, connection);
    }
    const node = this.monitor.topology.replicas.find((one) => one.name === name);
    return node === undefined || node.health === 'down' ? undefined : connection.server;
  }

  /** What waits for a connection to a replica learns at once when that goes down. */
  #mayRun(name: string): boolean {
    const node = this.monitor.topology.replicas.find((one) => one.name === name);
    return node?.health !== 'down' && this.#connect(name);
  }

  /** Whether there is a connection to the node that may be used: the one from before, or a new one. */
  #connect(name: string): boolean {
    const { cluster, defect } = this.#options;
    const identity = deceivedIdentity(cluster.identityOf(name), defect);
    if (this.#connections.get(name) === identity.incarnation) return true;
    const objection = this.monitor.objectionTo(name, identity);
    if (objection !== undefined && defect !== 'uses-any-connection') {
      this.monitor.suspect(name, objection);
      return false;
    }
    this.#connections.set(name, identity.incarnation);
    return true;
  }

  #delay(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 10 * this.#options.random()));
  }
}

/** What a request may do. */
export interface ModelRequest {
  /** `undefined`: nobody answered. */
  read(intent: Partial<Intent>): Promise<Shown | undefined>;
  /** The write's position; `undefined`: it failed. */
  write(): Promise<bigint | undefined>;
}
