import { codeOf } from '../errors/describe-error.js';
import type { TopologyStatus } from '../observability/node-status.js';
import type { RecentStats } from '../observability/recent-counts.js';
import type { RouterStats, RouteStats } from '../observability/router-stats.js';
import { CommandError } from './command.error.js';
import { learnUrl } from './discreet-text.js';
import { ExitCode } from './exit-code.js';

/** The nodes of one data source, and why statements went where they went. */
export interface SourceState {
  readonly name: string;
  /** Whether reads may leave the primary; `null`: only servers were asked. */
  readonly isEnabled: boolean | null;
  /** `null` while the data source is not initialized. */
  readonly topology: TopologyStatus | null;
  /** Those of the last minutes first, the most frequent first. Empty if only servers were asked. */
  readonly reasons: readonly ReasonCount[];
  /** What `recently` of the reasons means; milliseconds. `null`: only servers were asked, or the application is too old to tell. */
  readonly recentMs: number | null;
}

/** Statements that one node answered for one reason. */
export interface ReasonCount {
  readonly reason: RouteStats['reason'];
  /** `null`: no node was allowed to answer. */
  readonly node: string | null;
  /** Since the process began. */
  readonly count: number;
  /** In the last minutes; 0 if nobody tells. */
  readonly recently: number;
}

/** What is known of all nodes at one instant. */
export interface ClusterState {
  /** The process that was asked; `null`: the servers were. */
  readonly instance: { readonly host: string; readonly pid: number } | null;
  readonly dataSources: readonly SourceState[];
}

/** The parts of `GET state` of the dashboard that the command shows. */
interface DashboardAnswer {
  readonly instance: NonNullable<ClusterState['instance']>;
  readonly dataSources: readonly {
    readonly name: string;
    readonly isEnabled: boolean;
    readonly topology: TopologyStatus | null;
    readonly stats: Pick<RouterStats, 'routes'>;
    /** Absent in applications with an older version of this library. */
    readonly recent?: Pick<RecentStats, 'forMs' | 'routes'>;
  }[];
}

interface AppOptions {
  /** `name: value` each. */
  readonly headers: readonly string[];
  readonly timeoutMs: number;
}

/** Reads the `state` of an application's dashboard. Throws a `CommandError`. */
export async function readAppState(app: string, options: AppOptions): Promise<ClusterState> {
  const { url, headers } = requestOf(app, options.headers);
  const answer = await ask(url, headers, options.timeoutMs);
  const state = (await answer.json().catch(() => undefined)) as DashboardAnswer | undefined;
  if (!Array.isArray(state?.dataSources))
    throw new CommandError(
      '--app: what answers there is no dashboard of nestjs-replica: give the address of its page, such as http://localhost:3000/replica',
    );
  const dataSources = state.dataSources.map(({ name, isEnabled, topology, stats, recent }): SourceState => ({
    name,
    isEnabled,
    topology,
    reasons: reasonsIn(stats.routes, recent?.routes ?? []),
    recentMs: recent?.forMs ?? null,
  }));
  return { instance: state.instance, dataSources };
}

function requestOf(app: string, given: readonly string[]): { readonly url: URL; readonly headers: Headers } {
  learnUrl(app);
  const url = URL.canParse(app) ? new URL(app) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol))
    throw new CommandError('--app takes the address of a dashboard, such as http://localhost:3000/replica');
  const headers = new Headers({ accept: 'application/json' });
  for (const header of given) {
    const colon = header.indexOf(':');
    try {
      headers.set(header.slice(0, Math.max(0, colon)).trim(), header.slice(colon + 1).trim());
    } catch {
      throw new CommandError('--header takes a name and a value: "authorization: Bearer ..."');
    }
  }
  if (url.username !== '') {
    const credentials = [url.username, url.password].map(decodeURIComponent).join(':');
    headers.set('authorization', `Basic ${Buffer.from(credentials).toString('base64')}`);
  }
  url.username = url.password = url.hash = '';
  url.pathname = `${url.pathname.replace(/\/(?:state)?$/, '')}/state`;
  // Only what is now, and nothing of the last 15 minutes.
  url.search = `?since=${Date.now()}`;
  return { url, headers };
}

async function ask(url: URL, headers: Headers, timeoutMs: number): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(url, { headers, signal: AbortSignal.timeout(timeoutMs) });
  } catch (error) {
    const { name, cause } = error as Error;
    const code = codeOf(cause) ?? (cause instanceof Error ? cause.message : name);
    throw new CommandError(`--app: ${url.host} does not answer (${code})`, ExitCode.critical);
  }
  if (answer.ok) return answer;
  const { status } = answer;
  if (status === 401 || status === 403)
    throw new CommandError(
      `--app: the guards of the dashboard refuse (${status}): give what they want by --header`,
    );
  throw new CommandError(
    `--app: ${url.host} answers ${status} to ${url.pathname}: is this the address of the dashboard?`,
    status >= 500 ? ExitCode.critical : ExitCode.unknown,
  );
}

function reasonsIn(routes: readonly RouteStats[], recent: readonly RouteStats[]): readonly ReasonCount[] {
  const counts = new Map<string, { -readonly [Key in keyof ReasonCount]: ReasonCount[Key] }>();
  const countOf = ({ reason, node }: RouteStats): { count: number; recently: number } => {
    const key = `${reason} ${node}`;
    const known = counts.get(key) ?? { reason, node, count: 0, recently: 0 };
    counts.set(key, known);
    return known;
  };
  for (const route of routes) countOf(route).count += route.count;
  for (const route of recent) countOf(route).recently += route.count;
  return [...counts.values()].toSorted((a, b) => b.recently - a.recently || b.count - a.count);
}
