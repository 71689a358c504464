import {
  Inject,
  Injectable,
  Logger,
  type MessageEvent,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { ModuleRef } from '@nestjs/core';
import { hostname } from 'node:os';
import { concat, defer, EMPTY, filter, map, type Observable, of, Subject } from 'rxjs';
import type { RecentCounts } from '../observability/recent-counts.js';
import type { RecordedEvent } from '../observability/recent-events.js';
import type { PatternStats, RouterStats } from '../observability/router-stats.js';
import { routersByName } from '../nest/routers-by-name.js';
import type { ReplicaRouter } from '../engine/replica-router.js';
import type { ResolvedDashboardOptions } from './dashboard-options.js';
import type { DashboardState, DataSourceState, HistoryPoint } from './dashboard-state.js';
import { fallbacksOfPattern } from './fallbacks-of-pattern.js';
import { History } from './history.js';

/** The injection token of the module's resolved options. */
export const DASHBOARD_OPTIONS = Symbol('nestjs-replica dashboard options');

const INSTANCE = { host: hostname(), pid: process.pid };

const TICK_MS = 1_000;
/** How many of the most frequent patterns the page shows. */
const MOST_PATTERNS = 50;

interface Source {
  readonly name: string;
  readonly router: ReplicaRouter;
  readonly history: History;
  readonly recent: RecentCounts;
}

/**
 * What the page shows, for all who look at it. Once a second it keeps a point of the history, and if somebody looks, it makes
 * one snapshot, which all of them get.
 */
@Injectable()
export class DashboardFeed implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  readonly #moduleRef: ModuleRef;
  readonly #options: ResolvedDashboardOptions;
  readonly #snapshots = new Subject<string>();
  #sources: readonly Source[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(moduleRef: ModuleRef, @Inject(DASHBOARD_OPTIONS) options: ResolvedDashboardOptions) {
    this.#moduleRef = moduleRef;
    this.#options = options;
  }

  onModuleInit(): void {
    const routers = routersByName(this.#moduleRef, this.#options.dataSources);
    this.#sources = Array.from(routers, ([name, router]) => {
      return { name, router, history: new History(), recent: router.recentCounts(performance.now()) };
    });
  }

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
    // The history keeps no process alive.
    this.#timer.unref();
  }

  /** Viewers' connections end here: while they are open, the server does not close. */
  onModuleDestroy(): void {
    clearInterval(this.#timer);
    this.#isClosed = true;
    this.#snapshots.complete();
  }

  /** This process, as `host:pid`. */
  get instance(): string {
    return `${INSTANCE.host}:${INSTANCE.pid}`;
  }

  /** Whether the page has buttons. */
  get hasActions(): boolean {
    return this.#options.actions;
  }

  /** The first data source that the page shows. */
  get defaultName(): string {
    return this.#options.dataSources[0] as string;
  }

  /** The router of one of the data sources that the page shows. */
  routerOf(name: string): ReplicaRouter | undefined {
    return this.#sources.find((source) => source.name === name)?.router;
  }

  /** All that the page shows now, with the history after this instant (milliseconds since the epoch). */
  state(sinceMs: number): DashboardState {
    return this.#state(({ history }) => history.since(sinceMs));
  }

  /**
   * All that the page shows with its whole history, then one snapshot a second, until the application closes. While `isBusy()`,
   * the viewer gets none, so nothing queues up for somebody who does not read.
   */
  watch(isBusy: () => boolean): Observable<MessageEvent> {
    if (this.#isClosed) return EMPTY;
    const first = defer(() => of(JSON.stringify(this.state(0))));
    return concat(first, this.#snapshots.pipe(filter(() => !isBusy()))).pipe(map((data) => ({ data })));
  }

  #tick(): void {
    try {
      const atMs = Date.now();
      for (const { router, history, recent } of this.#sources) {
        recent.tick(performance.now());
        const topology = whileInitialized(() => router.topology());
        if (topology !== null) history.add(atMs, topology, router.stats());
      }
      if (this.#snapshots.observed)
        this.#snapshots.next(JSON.stringify(this.#state(({ history }) => history.newest())));
    } catch (error) {
      // A page must not end the process.
      new Logger('ReplicaDashboard').error(error);
    }
  }

  #state(historyOf: (source: Source) => HistoryPoint[]): DashboardState {
    return {
      atMs: Date.now(),
      instance: INSTANCE,
      hasActions: this.hasActions,
      dataSources: this.#sources.map((source) => stateOf(source, historyOf(source))),
    };
  }
}

function stateOf({ name, router, recent: counts }: Source, history: HistoryPoint[]): DataSourceState {
  const stats = router.stats();
  const recent = counts.stats(performance.now());
  const events = router.recentEvents();
  return {
    name,
    isEnabled: router.isEnabled,
    topology: whileInitialized(() => router.topology()),
    catalog: whileInitialized(() => router.catalogStatus()),
    stats: { ...stats, patterns: shownPatterns(stats, events) },
    recent: { ...recent, patterns: recent.patterns.slice(0, MOST_PATTERNS) },
    events,
    history,
  };
}

/** Those that the page lists, and those that it names because a replica refused them or because they fell back on the primary. */
function shownPatterns({ patterns }: RouterStats, events: readonly RecordedEvent[]): readonly PatternStats[] {
  const refused = new Set(events.map((event) => (event.event === 'statement:refused' ? event.digest : '')));
  return patterns.filter(
    (pattern, index) =>
      index < MOST_PATTERNS || refused.has(pattern.digest) || fallbacksOfPattern(pattern) > 0,
  );
}

/** Nodes are unknown before the data source is initialized and after it is destroyed: then `ask` throws. */
function whileInitialized<T>(ask: () => T): T | null {
  try {
    return ask();
  } catch {
    return null;
  }
}
