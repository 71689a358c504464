import type { PatternsMark, QueryPatterns } from './query-patterns.js';
import type { RouteCounts } from './route-counts.js';
import type { PatternStats, RouteStats } from './router-stats.js';

/** How often the counts are copied, and how long a copy is kept. */
const MARK_MS = 60_000;
const KEPT_MS = 5 * MARK_MS;

/** What a router did in the last minutes. */
export interface RecentStats {
  /** How many milliseconds it tells of: five to six minutes, or less as long as the process is younger. */
  readonly forMs: number;
  /** As in `RouterStats`, without those that did not happen in this time. */
  readonly routes: readonly RouteStats[];
  readonly patterns: readonly PatternStats[];
}

/** The counts of one instant. */
interface Mark {
  readonly atMs: number;
  readonly routes: ReadonlyMap<string, RouteStats>;
  readonly patterns: PatternsMark;
}

/**
 * Tells what was counted in the last five minutes. It copies the counts once a minute, so whoever counts need not know of it. The time is
 * that of a clock that does not step.
 */
export class RecentCounts {
  readonly #counts: RouteCounts;
  readonly #patterns: QueryPatterns | undefined;
  /** The oldest first. The first one of all is that of the start, when nothing was counted. */
  readonly #marks: [Mark, ...Mark[]];

  constructor(counts: RouteCounts, patterns: QueryPatterns | undefined, nowMs: number) {
    this.#counts = counts;
    this.#patterns = patterns;
    this.#marks = [{ atMs: nowMs, routes: new Map(), patterns: new Map() }];
  }

  /** Call it at least once a minute. */
  tick(nowMs: number): void {
    const marks = this.#marks;
    if (nowMs - (marks.at(-1) as Mark).atMs < MARK_MS) return;
    const routes = new Map(this.#counts.routes().map((route) => [keyOf(route), route]));
    marks.push({ atMs: nowMs, routes, patterns: this.#patterns?.mark() ?? new Map() });
    while (marks[1] !== undefined && nowMs - marks[1].atMs >= KEPT_MS) marks.shift();
  }

  stats(nowMs: number): RecentStats {
    const [{ atMs, routes, patterns }] = this.#marks;
    return {
      forMs: nowMs - atMs,
      routes: this.#counts
        .routes()
        .map((route) => since(route, routes.get(keyOf(route))))
        .filter(({ count }) => count > 0),
      patterns: this.#patterns?.listSince(patterns) ?? [],
    };
  }
}

function keyOf({ node, role, kind, reason }: RouteStats): string {
  return [node, role, kind, reason].join('\0');
}

function since(route: RouteStats, before: RouteStats | undefined): RouteStats {
  // A node that was forgotten and came back counts from zero again.
  if (before === undefined || before.count > route.count) return route;
  return {
    ...route,
    count: route.count - before.count,
    failed: route.failed - before.failed,
    totalMs: route.totalMs - before.totalMs,
  };
}
