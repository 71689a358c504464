import { answerParent } from './support/child.js';
import { HttpConnection, type ItemRequest } from './support/http-connection.js';
import { percentile, rounded } from './support/report.js';

/** Requests of one kind that arrive at a fixed rate, whether earlier ones have been answered or not. */
export interface OverloadLoad extends ItemRequest {
  readonly port: number;
  readonly perSecond: number;
  /** Before that, requests arrive at this rate, and are not measured. */
  readonly warmUpPerSecond: number;
  readonly warmUpMs: number;
  /** For how long requests arrive. */
  readonly arrivingMs: number;
}

export interface OverloadMeasured {
  /** How many were answered with what they asked for. */
  readonly requests: number;
  /** Per second, until the last one was answered. */
  readonly requestsPerSecond: number;
  /** How many got another answer, none, or none in time. */
  readonly errors: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** A crowd opens so many connections at most. Its other requests wait at the client, and their time counts. */
const MAX_CONNECTIONS = 1_000;
/** When clients give up, counted from the end of the arrivals; milliseconds. */
const PATIENCE_MS = 60_000;
const TICK_MS = 5;

/** Clients who do not wait for each other. */
class Crowd {
  readonly #load: OverloadLoad;
  readonly #idle: HttpConnection[] = [];
  readonly #all = new Set<HttpConnection>();
  readonly #waiting: number[] = [];
  /** The next that waits in `#waiting`, from which nothing is removed. */
  #next = 0;
  #opening = 0;
  readonly latenciesMs: number[] = [];
  errors = 0;

  constructor(load: OverloadLoad) {
    this.#load = load;
  }

  /** Requests arrive at this rate for so long. Resolves when all are answered, or when the clients give up. */
  async arrive(perSecond: number, forMs: number): Promise<void> {
    const startedMs = performance.now();
    let arrived = 0;
    await new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const elapsedMs = performance.now() - startedMs;
        for (; arrived < (Math.min(elapsedMs, forMs) * perSecond) / 1000; arrived++) this.#arrived();
        const isAnswered = arrived === this.latenciesMs.length + this.errors;
        if (elapsedMs < forMs || (!isAnswered && elapsedMs < forMs + PATIENCE_MS)) return;
        clearInterval(timer);
        resolve();
      }, TICK_MS);
    });
    this.errors = arrived - this.latenciesMs.length;
  }

  leave(): void {
    for (const connection of this.#all) connection.close();
  }

  #arrived(): void {
    this.#waiting.push(performance.now());
    if (this.#idle.length > 0 || this.#all.size + this.#opening < MAX_CONNECTIONS) void this.#serve();
  }

  /** One connection asks until nobody waits. */
  async #serve(): Promise<void> {
    const connection = this.#idle.pop() ?? (await this.#open());
    if (connection === undefined) return;
    while (this.#next < this.#waiting.length) {
      const n = this.#next++;
      const arrivedMs = this.#waiting[n] as number;
      try {
        await connection.askForItem(n, this.#load);
        this.latenciesMs.push(performance.now() - arrivedMs);
      } catch {
        this.errors++;
        connection.close();
        this.#all.delete(connection);
        return this.#serve();
      }
    }
    this.#idle.push(connection);
  }

  async #open(): Promise<HttpConnection | undefined> {
    this.#opening++;
    try {
      const connection = await HttpConnection.open(this.#load.port);
      this.#all.add(connection);
      return connection;
    } catch {
      return undefined;
    } finally {
      this.#opening--;
    }
  }
}

answerParent(async (load: OverloadLoad) => {
  const early = new Crowd(load);
  await early.arrive(load.warmUpPerSecond, load.warmUpMs);
  early.leave();
  process.send?.('warm');
  const crowd = new Crowd(load);
  const startedMs = performance.now();
  await crowd.arrive(load.perSecond, load.arrivingMs);
  const tookMs = performance.now() - startedMs;
  crowd.leave();
  const { latenciesMs, errors } = crowd;
  const measured: OverloadMeasured = {
    requests: latenciesMs.length,
    requestsPerSecond: Math.round((latenciesMs.length * 1000) / tookMs),
    errors,
    p50Ms: rounded(percentile(latenciesMs, 0.5), 1),
    p99Ms: rounded(percentile(latenciesMs, 0.99), 1),
  };
  return measured;
});
