import type { NodeStatus, RouterEvents, RouterStats, TopologyStatus } from 'nestjs-replica';
import type { MeasuredRouter } from 'nestjs-replica/prometheus';
import { Listeners } from '../../../libs/replica/src/topology/listeners.js';

type Emit = <E extends keyof RouterEvents>(event: E, ...args: RouterEvents[E]) => void;

/** A router that tells what it is told to tell. */
export interface ScriptedRouter extends MeasuredRouter {
  readonly emit: Emit;
  /** How many listeners it has. */
  readonly listenerCount: () => number;
}

export function scriptedRouter(
  stats: Partial<RouterStats> = {},
  topology: TopologyStatus = topologyOf(),
): ScriptedRouter {
  const events = new Listeners<RouterEvents>((_, error) => {
    throw error;
  });
  let count = 0;
  return {
    stats: () => ({ ...NOTHING, ...stats }),
    topology: () => topology,
    on: (event, listener) => {
      count++;
      const stop = events.on(event, listener);
      return () => {
        count--;
        stop();
      };
    },
    emit: (event, ...args) => events.emit(event, ...args),
    listenerCount: () => count,
  };
}

/** A primary and two replicas that are up. */
export function topologyOf(changes: Partial<Record<string, Partial<NodeStatus>>> = {}): TopologyStatus {
  const [primary, ...replicas] = ['primary', 'replica-1', 'replica-2'].map((name) =>
    nodeStatus({ name, ...changes[name] }),
  );
  return { version: 1, primary: primary as NodeStatus, replicas };
}

export function nodeStatus(changes: Partial<NodeStatus> & { readonly name: string }): NodeStatus {
  const role = changes.name === 'primary' ? 'primary' : 'replica';
  return {
    role,
    address: `${changes.name}.internal:5432`,
    health: 'up',
    problem: null,
    position: '0/16B6C50',
    timeline: 1,
    receiver: role === 'primary' ? null : 'streaming',
    lagMs: role === 'primary' ? 0 : 40,
    roundTripMs: 2,
    weight: 1,
    region: null,
    tags: {},
    isLagging: false,
    isTooOld: false,
    isDraining: false,
    ...changes,
  };
}

const NOTHING: RouterStats = {
  sinceMs: 0,
  routes: [],
  pools: [],
  retries: [],
  refused: 0,
  fallbacks: 0,
  sessions: { stored: 0, waiting: 0 },
  counters: {
    foreignTokens: 0,
    failedSessionLoads: 0,
    failedSessionSaves: 0,
    failedDiscoveries: 0,
    writesWithoutSession: 0,
  },
  patterns: [],
};
