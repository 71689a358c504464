import { jest } from '@jest/globals';
import type { RoutingLimits } from '../../../libs/replica/src/routing/route-query.js';
import { MemorySessionStore } from '../../../libs/replica/src/session/memory.store.js';
import type { SessionStore } from '../../../libs/replica/src/session/session-store.js';
import { seededRandom } from '../../support/random.js';
import { ModelCluster } from './model-cluster.js';
import { ModelEndpoint } from './model-endpoint.js';
import { ModelInstance, TTL_MS, type ModelDefect, type ModelRequest } from './model-instance.js';

const NAMES = ['r1', 'r2', 'r3', 'r4'] as const;
const SESSIONS = 12;
const TICK_MS = 5;
/** Those that answer behind one address, and those that crash. */
const SERVERS = ['r1', 'r2', 'r3'] as const;
const LOOK_MS = 100;

/** What sessions do beside plain reads. */
const KINDS = ['nothing', 'nothing', 'ask-for-replicas', 'everything'] as const;

/** What a run of the model does. */
export interface ModelRun {
  readonly seed: number;
  readonly requests: number;
  /** Replicas crash, other servers take their addresses, and two take writes at a time; then the lists stay as they are. */
  readonly servers?: boolean;
  /** The replicas are found behind one address; they crash, and others take their places. */
  readonly endpoint?: boolean;
  readonly defect?: ModelDefect;
  /** Of the first instance and of the second. */
  /** The replicas that each instance knows, which do not change, as while one version is replaced by another. */
  readonly lists?: readonly [readonly string[], readonly string[]];
  readonly limits?: readonly [Partial<RoutingLimits>, Partial<RoutingLimits>];
}

/** What came of it. */
export interface ModelOutcome {
  /** Session reads that showed less than the session had seen or written, one line each. */
  readonly violations: readonly string[];
  /** How many reads each node answered. */
  readonly reads: Readonly<Record<string, number>>;
  /** How many reads there were by reason. */
  readonly reasons: Readonly<Record<string, number>>;
}

/**
 * Sessions on two instances that share a store, while replicas pause, die, drain, join, leave and change their weight, on
 * one instance earlier than on the other. Needs jest's fake timers.
 */
export async function runModel({
  seed,
  requests,
  defect,
  limits,
  lists,
  servers,
  endpoint: hasEndpoint = false,
}: ModelRun): Promise<ModelOutcome> {
  const random = seededRandom(seed);
  const cluster = new ModelCluster(NAMES, random);
  const memory = new MemorySessionStore();
  // Every other time as a store of several processes, for which responses wait.
  const store: SessionStore =
    seed % 2 === 0 && lists === undefined
      ? memory
      : { load: (key) => memory.load(key), save: (...args) => memory.save(...args) };
  const endpoints = hasEndpoint
    ? [0, 1].map(
        () =>
          new ModelEndpoint({
            cluster,
            random,
            names: SERVERS,
            areProbesUnsorted: defect === 'probes-any-server',
          }),
      )
    : [];
  const listed = hasEndpoint ? [] : servers === true ? SERVERS : ['r1', 'r2'];
  const instances = [0, 1].map(
    (index) =>
      new ModelInstance(
        ['primary', ...(lists?.[index] ?? listed)].map((name) => cluster.watched(name)),
        { cluster, store, random, limits: limits?.[index], defect, endpoint: endpoints[index] },
      ),
  );
  const looks = endpoints.map((endpoint, index) =>
    setInterval(
      () => void endpoint.look().then((nodes) => nodes && instances[index]?.monitor.setReplicas(nodes)),
      LOOK_MS,
    ),
  );
  const ticks = setInterval(() => cluster.advance(), TICK_MS);
  for (const { monitor } of instances) monitor.start();
  await jest.advanceTimersByTimeAsync(1_000);
  const course = new ModelCourse(cluster, instances, {
    random,
    isListFixed: lists !== undefined || servers === true || hasEndpoint,
    changesServers: hasEndpoint ? 'behind-endpoint' : servers === true && 'at-addresses',
  });
  const begin = (index: number, request = 0): History =>
    new History(`session-${seed}-${index}-${request}`, KINDS[index % KINDS.length]);
  const histories = Array.from({ length: SESSIONS }, (_, index) => begin(index));
  const violations: string[] = [];
  const counts = { reads: {} as Record<string, number>, reasons: {} as Record<string, number> };
  const isEnough = (): boolean =>
    defect !== undefined && histories.some((history) => history.violations.length > 0);
  for (let request = 0; request < requests && !isEnough(); request++) {
    course.maybeChange();
    const index = Math.floor(random() * SESSIONS);
    const history = histories[index] as History;
    const instance = instances[Math.floor(random() * 2)] as ModelInstance;
    await finish(instance.handle(history.key, (model) => history.work(model, { random, counts })));
    await jest.advanceTimersByTimeAsync(random() * 40);
    // What has a note moves no more: only new sessions show what lists that differ do.
    if (lists !== undefined && random() < 0.1 && !isEnough()) {
      violations.push(...history.violations);
      histories[index] = begin(index, request);
    }
  }
  for (const timer of [ticks, ...looks]) clearInterval(timer);
  for (const endpoint of endpoints) endpoint.end();
  await finish(Promise.all(instances.map(({ monitor }) => monitor.stop())));
  for (const history of histories) violations.push(...history.violations);
  return { violations, ...counts };
}

/** Lets the time pass that something takes. */
async function finish(work: Promise<unknown>): Promise<void> {
  const state = { isDone: false };
  const done = work.finally(() => (state.isDone = true));
  while (!state.isDone) await jest.advanceTimersByTimeAsync(TICK_MS);
  await done;
}

interface Counting {
  readonly random: () => number;
  readonly counts: { readonly reads: Record<string, number>; readonly reasons: Record<string, number> };
}

/** One session: what it has written and been shown by reads of consistency `session`. */
class History {
  readonly violations: string[] = [];
  readonly key: string;
  readonly #kind: (typeof KINDS)[number] | undefined;
  #floor = 0n;
  #last = 'nothing';

  constructor(key: string, kind: (typeof KINDS)[number] | undefined) {
    this.key = key;
    this.#kind = kind;
  }

  async work(request: ModelRequest, counting: Counting): Promise<void> {
    const { random } = counting;
    for (let steps = 1 + Math.floor(random() * 3); steps > 0; steps--) {
      const dice = this.#kind === 'nothing' ? 1 : random();
      if (dice < 0.12 && this.#kind === 'everything') this.#raise(await request.write(), 'its write');
      else if (dice < 0.2) await request.read({ consistency: 'eventual' });
      else if (dice < 0.35) {
        const name = NAMES[Math.floor(random() * NAMES.length)] as string;
        await this.#read(request, counting, { selection: [{ by: 'name', name }] });
      } else await this.#read(request, counting, {});
    }
  }

  async #read(request: ModelRequest, { counts }: Counting, asked: object): Promise<void> {
    const shown = await request.read(asked);
    if (shown === undefined) return;
    const { node, reason, position } = shown;
    counts.reads[node] = (counts.reads[node] ?? 0) + 1;
    counts.reasons[reason] = (counts.reasons[reason] ?? 0) + 1;
    const line = `${node} (${reason}) showed ${position} at ${performance.now().toFixed(0)}`;
    if (position < this.#floor) this.violations.push(`${this.key}: ${line} after ${this.#last}`);
    this.#raise(position, line);
  }

  #raise(position: bigint | undefined, by: string): void {
    if (position === undefined || position < this.#floor) return;
    this.#floor = position;
    this.#last = `${position} by ${by}`;
  }
}

interface CourseOptions {
  readonly random: () => number;
  readonly isListFixed: boolean;
  readonly changesServers: 'at-addresses' | 'behind-endpoint' | false;
}

/** What happens to the nodes meanwhile. */
class ModelCourse {
  readonly #cluster: ModelCluster;
  readonly #instances: readonly ModelInstance[];
  readonly #random: () => number;
  readonly #isListFixed: boolean;
  readonly #changesServers: CourseOptions['changesServers'];
  #areServersOdd = false;
  #primaryBackMs = 0;
  #isChanging = false;

  constructor(
    cluster: ModelCluster,
    instances: readonly ModelInstance[],
    { random, isListFixed, changesServers }: CourseOptions,
  ) {
    this.#cluster = cluster;
    this.#instances = instances;
    this.#random = random;
    this.#isListFixed = isListFixed;
    this.#changesServers = changesServers;
  }

  maybeChange(): void {
    if (performance.now() > this.#primaryBackMs) this.#cluster.isPrimaryUp = true;
    if (this.#changesServers === 'at-addresses') this.#changeServers();
    if (this.#changesServers === 'behind-endpoint') this.#changeServersBehind();
    const dice = this.#random();
    const node = this.#cluster.replica(this.#any(NAMES));
    if (dice < 0.04) node.isPaused = !node.isPaused;
    else if (dice < 0.08) node.isUp = !node.isUp;
    else if (dice < 0.1) this.#stopPrimary();
    else if (dice < 0.12) this.#any(this.#instances).monitor.setDraining(this.#any(NAMES), dice < 0.11);
    else if (dice < 0.15) this.#changeReplicas();
    if (this.#random() < 0.05) this.#mendAll();
  }

  /** Where lists change, a node that was drained comes back with one of them. */
  #mendAll(): void {
    for (const name of NAMES) {
      Object.assign(this.#cluster.replica(name), { isUp: true, isPaused: false });
      if (this.#isListFixed) for (const { monitor } of this.#instances) monitor.setDraining(name, false);
    }
  }

  /** A crash; or, for a while, a foreign standby at an address, or a rival that a replica follows once all know of it. */
  #changeServers(): void {
    const dice = this.#random();
    const name = this.#any(SERVERS);
    if (dice < 0.05 && this.#cluster.replica(name).state === 'ours') this.#cluster.crash(name);
    if (dice < 0.05 || dice > 0.1 || this.#areServersOdd) return;
    this.#areServersOdd = true;
    const forMs = 1_000 + 1_000 * this.#random();
    if (dice < 0.07) this.#cluster.become(name, 'foreign');
    else {
      this.#cluster.become('r2', 'rival');
      setTimeout(() => this.#cluster.become('r3', 'of-rival'), 600);
    }
    setTimeout(() => {
      for (const one of SERVERS) this.#cluster.become(one, 'ours');
      this.#areServersOdd = false;
    }, forMs);
  }

  #changeServersBehind(): void {
    const dice = this.#random();
    if (dice < 0.02) this.#cluster.crash(this.#any(SERVERS));
    else if (dice < 0.03) this.#cluster.replace(this.#any(SERVERS));
  }

  /** For less than replicas may lag, also in all: then nobody has forgotten anything meanwhile. */
  #stopPrimary(): void {
    if (!this.#cluster.isPrimaryUp) return;
    this.#cluster.isPrimaryUp = false;
    this.#primaryBackMs = performance.now() + this.#random() * 1_800;
  }

  /** One instance learns of it earlier than the other, by less than sessions are remembered. */
  #changeReplicas(): void {
    if (this.#isChanging || this.#isListFixed) return;
    this.#isChanging = true;
    const names = NAMES.filter(() => this.#random() < 0.6);
    const weights = names.map(() => this.#any([1, 1, 2, 0.5, 0]));
    const [first, second] = this.#random() < 0.5 ? this.#instances : this.#instances.toReversed();
    const change = (instance: ModelInstance | undefined): void =>
      void instance?.monitor.setReplicas(
        names.map((name, index) => this.#cluster.watched(name, weights[index])),
      );
    change(first);
    setTimeout(
      () => {
        change(second);
        this.#isChanging = false;
      },
      this.#random() * (TTL_MS / 2),
    );
  }

  #any<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)] as T;
  }
}
