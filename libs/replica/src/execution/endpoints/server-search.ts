import type { ConnectionLink, SearchOptions, SortedConnection } from './search-options.js';
import { SpareConnections } from './spare-connections.js';

/** How long to search for a connection to one server. */
export interface SearchLimits {
  /** Milliseconds. */
  readonly timeoutMs: number;
  /** Also give up when so many connections have led elsewhere that this one would probably have been among them. */
  readonly isImpatient?: boolean;
}

/** Somebody who wants a connection to one server. */
class Waiter<C> {
  readonly ready: Promise<C>;
  readonly server: string;
  /** The number of connections made at which it gives up. */
  readonly until: number;
  #resolve: (connection: C) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  readonly #timer: NodeJS.Timeout;
  readonly #leave: (waiter: Waiter<C>) => void;

  constructor({
    server,
    until,
    timeoutMs,
    late,
    leave,
  }: {
    readonly server: string;
    readonly until: number;
    readonly timeoutMs: number;
    readonly late: () => Error;
    readonly leave: (waiter: Waiter<C>) => void;
  }) {
    this.server = server;
    this.until = until;
    this.#leave = leave;
    this.#timer = setTimeout(() => this.failed(late()), timeoutMs).unref();
    this.ready = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  found(connection: C): void {
    this.#end();
    this.#resolve(connection);
  }

  failed(error: unknown): void {
    this.#end();
    this.#reject(error);
  }

  #end(): void {
    clearTimeout(this.#timer);
    this.#leave(this);
  }
}

/** When a connection last led to a server. */
interface Sight {
  readonly atMs: number;
  /** How many connections had been made by then. */
  readonly made: number;
}

/** At most this many attempts run at once. Those that take longer than `SLOW_MS` count only for the second limit. */
const MAX_ATTEMPTS = 4;
const MAX_SLOW_ATTEMPTS = 12;
const SLOW_MS = 1_000;
/** So many connections in a row may lead elsewhere before pauses begin, and only one attempt runs at a time. */
const PATIENCE = 8;
const FIRST_PAUSE_MS = 5;
const MAX_PAUSE_MS = 250;
/** After so many failures in a row, whoever waits learns of the last one. A balancer may still name one server that is gone. */
const MAX_FAILURES = 4;
/** Whoever is impatient waits for so many connections for each known server. */
const IMPATIENCE = 3;
/** A server counts as gone when no connection has led there for so long, and so many for each known server have led elsewhere. */
const GONE_AFTER_MS = 5_000;
const GONE_AFTER_CONNECTIONS = 10;
/** A server that nobody has seen for so long is forgotten; milliseconds. */
const FORGOTTEN_AFTER_MS = 30_000;

/**
 * Makes connections through an endpoint and gives each to whoever waits for its server. Nobody can choose where a connection
 * leads, so it makes one after the other until everybody who waits has one.
 */
export class ServerSearch<C> {
  readonly #options: SearchOptions<C>;
  readonly #spares: SpareConnections<C>;
  readonly #attempts = new Set<ConnectionLink<SortedConnection<C>>>();
  readonly #slow = new Set<ConnectionLink<SortedConnection<C>>>();
  readonly #sights = new Map<string, Sight>();
  #waiting: readonly Waiter<C>[] = [];
  #made = 0;
  /** How many connections in a row nobody had waited for. */
  #fruitless = 0;
  #failures = 0;
  #pause: NodeJS.Timeout | undefined;
  #isEnded = false;

  constructor(options: SearchOptions<C>) {
    this.#options = options;
    this.#spares = new SpareConnections(options);
  }

  /** A connection to the server. Rejects when the limits are reached, or if no connections can be made at all. */
  want(server: string, { timeoutMs, isImpatient = false }: SearchLimits): ConnectionLink<C> {
    const spare = this.takeSpare(server);
    if (spare !== undefined) return { ready: Promise.resolve(spare), end: () => undefined };
    const waiter = new Waiter<C>({
      server,
      until: isImpatient ? this.#made + IMPATIENCE * Math.max(1, this.#sights.size) : Infinity,
      timeoutMs,
      late: () => this.#inVain(server, timeoutMs),
      leave: (one) => (this.#waiting = this.#waiting.filter((other) => other !== one)),
    });
    this.#waiting = [...this.#waiting, waiter];
    this.#pump();
    return {
      ready: waiter.ready,
      end: () => waiter.failed(this.#options.connectionLost('nobody waits for it any more')),
    };
  }

  /** A connection to the server that is open already and that nobody has; it is the caller's from now on. */
  takeSpare(server: string): C | undefined {
    return this.#spares.take(server);
  }

  /** Gives back a connection that nobody has used yet. */
  keep(found: SortedConnection<C>): void {
    if (this.#isEnded) this.#options.close(found.connection);
    else this.#spares.put(found);
  }

  /** Makes one connection, which goes to whoever waits for it. */
  look(): Promise<void> {
    return this.#attempt();
  }

  end(): void {
    this.#isEnded = true;
    clearTimeout(this.#pause);
    for (const attempt of this.#attempts) attempt.end();
    for (const waiter of this.#waiting) waiter.failed(this.#options.connectionLost('the endpoint is closed'));
    this.#spares.end();
  }

  #pump(): void {
    if (this.#isEnded || this.#pause !== undefined) return;
    const limit = Math.min(this.#waiting.length, this.#fruitless > PATIENCE ? 1 : MAX_ATTEMPTS);
    while (this.#attempts.size - this.#slow.size < limit && this.#attempts.size < MAX_SLOW_ATTEMPTS)
      this.#attempt().then(
        () => this.#next(),
        () => this.#next(),
      );
  }

  #next(): void {
    const pauses = Math.max(this.#fruitless - PATIENCE, this.#failures);
    if (pauses <= 0) return this.#pump();
    const pauseMs = Math.min(MAX_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(pauses, 10));
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.#pump();
    }, pauseMs).unref();
  }

  async #attempt(): Promise<void> {
    const link = this.#options.open();
    this.#attempts.add(link);
    const timer = setTimeout(() => {
      this.#slow.add(link);
      this.#pump();
    }, SLOW_MS).unref();
    try {
      this.#arrived(await link.ready);
    } catch (error) {
      this.#failed(error);
      throw error;
    } finally {
      clearTimeout(timer);
      this.#attempts.delete(link);
      this.#slow.delete(link);
    }
  }

  #arrived(found: SortedConnection<C>): void {
    const { server, connection } = found;
    this.#failures = 0;
    this.#made++;
    this.#saw(server);
    const waiter = this.#waiting.find((one) => one.server === server);
    this.#fruitless = waiter === undefined ? this.#fruitless + 1 : 0;
    if (waiter === undefined) this.keep(found);
    else waiter.found(connection);
    for (const impatient of this.#waiting.filter(({ until }) => until <= this.#made))
      impatient.failed(
        this.#options.connectionLost('connections lead to other servers: it is gone, or out of its balancer'),
      );
  }

  #failed(error: unknown): void {
    this.#failures++;
    if (this.#failures < MAX_FAILURES) return;
    for (const waiter of this.#waiting) waiter.failed(error);
  }

  #saw(server: string): void {
    const atMs = this.#options.nowMs();
    this.#sights.set(server, { atMs, made: this.#made });
    for (const [other, sight] of this.#sights)
      if (atMs - sight.atMs > FORGOTTEN_AFTER_MS) this.#sights.delete(other);
  }

  /** Why the search ended in vain: the server is gone, or it is there and connections happened to lead elsewhere. */
  #inVain(server: string, timeoutMs: number): Error {
    const { atMs, made } = this.#sights.get(server) ?? { atMs: -Infinity, made: 0 };
    const isGone =
      this.#options.nowMs() - atMs > GONE_AFTER_MS &&
      this.#made - made >= GONE_AFTER_CONNECTIONS * Math.max(1, this.#sights.size);
    return isGone
      ? this.#options.connectionLost(`no new connection led to this server within ${timeoutMs} ms`)
      : this.#options.timedOut();
  }
}
