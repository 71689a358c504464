import type { CatalogStatus } from '../execution/statements/catalog-keeper.js';
import type { TopologyStatus } from '../observability/node-status.js';
import type { RecentStats } from '../observability/recent-counts.js';
import type { RecordedEvent } from '../observability/recent-events.js';
import type { RouterStats } from '../observability/router-stats.js';

/** What `GET state` answers, and what each event of `GET events` holds: all that the page shows. */
export interface DashboardState {
  /** When it was made; milliseconds since the epoch. */
  readonly atMs: number;
  /** The process that answers. Behind a load balancer each answer may come from another one. */
  readonly instance: DashboardInstance;
  /** Whether `POST actions/...` is there. */
  readonly hasActions: boolean;
  /** The data sources that the page shows, in the order of the option. */
  readonly dataSources: readonly DataSourceState[];
}

export interface DashboardInstance {
  readonly host: string;
  readonly pid: number;
}

/** What the page shows of one data source. */
export interface DataSourceState {
  readonly name: string;
  /** Whether reads may leave the primary. */
  readonly isEnabled: boolean;
  /** `null` while the data source is not initialized. */
  readonly topology: TopologyStatus | null;
  /** `null` while the data source is not initialized. */
  readonly catalog: CatalogStatus | null;
  /** As `router.stats()`, with the 50 most frequent patterns, and those that replicas refused or that fell back on the primary. */
  readonly stats: RouterStats;
  /** The same of the last five minutes: where statements went and why, and the 50 most frequent patterns. */
  readonly recent: RecentStats;
  /** As `router.recentEvents()`: the oldest first. */
  readonly events: readonly RecordedEvent[];
  /**
   * The oldest first. Of `state`: the last 15 minutes, or what is newer than `?since=`. The first one of `events` has the last 15
   * minutes, and each later one the newest point.
   */
  readonly history: readonly HistoryPoint[];
}

/** One second of the last 15 minutes. */
export interface HistoryPoint {
  /** Milliseconds since the epoch. */
  readonly atMs: number;
  /** By the nodes' names. */
  readonly nodes: Readonly<Record<string, NodeHistory>>;
}

export interface NodeHistory {
  /** How far its data was behind the primary, in milliseconds; `null` while unknown or down. */
  readonly lagMs: number | null;
  /** How many reads it answered since the point before. */
  readonly reads: number;
}
