import type { DataSourceState, HistoryPoint } from '../../src/dashboard/dashboard-state.js';
import type { NodeStatus } from '../../src/observability/node-status.js';
import type { RouteStats } from '../../src/observability/router-stats.js';
import { duration, list, percent } from './format.js';

export type Level = 'good' | 'warning' | 'bad';

/** How things are, in plain words: a verdict and the facts behind it. */
export interface Health {
  readonly level: Level;
  readonly verdict: string;
  readonly facts: string;
}

/** Whether it gets reads of its own accord. */
export function isServing({ role, health, isDraining, isTooOld }: NodeStatus): boolean {
  return health === 'up' && (role === 'primary' || (!isDraining && !isTooOld));
}

/** How a node is, in one or two words. */
export function standing(node: NodeStatus): { readonly level: Level; readonly word: string } {
  if (node.health === 'down') return { level: 'bad', word: 'Down' };
  if (node.health === 'unknown') return { level: 'warning', word: 'Not known yet' };
  if (node.isDraining) return { level: 'warning', word: 'Draining' };
  if (node.isTooOld) return { level: 'bad', word: 'Too old' };
  if (node.isLagging) return { level: 'warning', word: 'Lagging' };
  return { level: 'good', word: node.role === 'primary' ? 'Takes writes' : 'Serving' };
}

/** From which share of the statements that are no known writes on it matters that nobody can tell whether they write. */
const MANY_UNSURE = 0.2;

export function healthOf(
  { topology, isEnabled, catalog, stats: { pools }, recent: { routes } }: DataSourceState,
  recent: readonly HistoryPoint[],
): Health {
  if (topology === null)
    return { level: 'bad', verdict: 'Not connected.', facts: 'The data source is not initialized.' };
  const { primary, replicas } = topology;
  const serving = replicas.filter(isServing);
  const facts = factsOf(recent, primary.name, serving, replicas.length);
  if (primary.health === 'down')
    return {
      level: 'bad',
      verdict: 'The primary is down.',
      facts: `Nobody can write. ${serving.length === 0 ? 'Nobody can read either.' : facts}`,
    };
  if (!isEnabled)
    return { level: 'warning', verdict: 'Routing is off.', facts: 'Everything goes to the primary.' };
  if (replicas.length === 0)
    return { level: 'warning', verdict: 'There is no replica.', facts: 'Everything goes to the primary.' };
  if (serving.length === 0)
    return { level: 'bad', verdict: 'No replica serves.', facts: `${whyNot(replicas)} ${facts}` };
  if (catalog?.isLoaded === false)
    return {
      level: 'warning',
      verdict: 'Reads stay on the primary.',
      facts: 'The database’s functions are not known yet.',
    };
  if (catalog !== null && catalog.keepsAllOnPrimary.length > 0)
    return {
      level: 'bad',
      verdict: 'All reads stay on the primary.',
      facts: `The database has a conversion or comparison that may write: ${list(catalog.keepsAllOnPrimary)}.`,
    };
  const lagging = serving.filter(({ isLagging }) => isLagging);
  if (serving.length < replicas.length || lagging.length > 0)
    return { level: 'warning', verdict: 'Degraded.', facts: `${whyNot(replicas)} ${facts}` };
  const full = pools.find(({ waiting, max }) => waiting >= max);
  if (full !== undefined)
    return {
      level: 'warning',
      verdict: 'Callers wait for connections.',
      facts: `${full.waiting} of them to ${full.node}, which has ${full.used} of ${full.max} in use. ${facts}`,
    };
  const unsure = unsureShare(routes);
  if (unsure >= MANY_UNSURE)
    return {
      level: 'warning',
      verdict: 'Much stays on the primary.',
      facts: `Nobody can tell whether they only read: ${percent(unsure)} of the statements that are no known writes. ${facts}`,
    };
  return { level: 'good', verdict: 'Healthy.', facts };
}

/** Of the statements that read, or may only read: those of which nobody can tell. They count as no reads, so no other figure shows them. */
function unsureShare(routes: readonly RouteStats[]): number {
  const countOf = (kind: RouteStats['kind']): number =>
    routes.reduce((sum, route) => sum + (route.kind === kind ? route.count : 0), 0);
  const unsure = countOf('unknown');
  return unsure === 0 ? 0 : unsure / (unsure + countOf('read'));
}

/** `replica-2 is down.` */
function whyNot(replicas: readonly NodeStatus[]): string {
  const sentences = replicas
    .map((node) => ({ node, ...standing(node) }))
    .filter(({ level }) => level !== 'good')
    .map(({ node, word }) => `${node.name} is ${word.toLowerCase()}${howFar(node)}`);
  return `${list(sentences)}.`;
}

/** Whoever is behind shall not look as if it had the lag of those that serve. */
function howFar({ health, isTooOld, isLagging, lagMs }: NodeStatus): string {
  return health === 'up' && (isTooOld || isLagging) && lagMs !== null ? ` (${duration(lagMs)} behind)` : '';
}

function factsOf(
  recent: readonly HistoryPoint[],
  primary: string,
  serving: readonly NodeStatus[],
  replicas: number,
): string {
  const share = shareOffPrimary(recent, primary);
  const reads = share === null ? 'No reads in the last minute' : `${percent(share)} of reads on replicas`;
  const lags = serving.flatMap(({ lagMs }) => (lagMs === null ? [] : [lagMs]));
  const lag = lags.length === 0 ? '' : `, lag ${duration(Math.max(...lags))}`;
  return `${reads}, ${serving.length} of ${replicas} serving${lag}.`;
}

/** Of the reads of these points; `null` if there were none. */
export function shareOffPrimary(points: readonly HistoryPoint[], primary: string): number | null {
  let all = 0;
  let onPrimary = 0;
  for (const { nodes } of points)
    for (const [name, { reads }] of Object.entries(nodes)) {
      all += reads;
      if (name === primary) onPrimary += reads;
    }
  return all === 0 ? null : 1 - onPrimary / all;
}

/** Each node's part of the reads of these points; empty if there were none. */
export function sharesOf(points: readonly HistoryPoint[]): ReadonlyMap<string, number> {
  const reads = new Map<string, number>();
  let all = 0;
  for (const point of points)
    for (const [name, node] of Object.entries(point.nodes)) {
      reads.set(name, (reads.get(name) ?? 0) + node.reads);
      all += node.reads;
    }
  return all === 0 ? new Map() : new Map(Array.from(reads, ([name, value]) => [name, value / all]));
}

/** How long the reads of a node took on average, in milliseconds; `null` if there were none. */
export function meanReadMs(routes: readonly RouteStats[], node: string): number | null {
  let reads = 0;
  let tookMs = 0;
  for (const route of routes)
    if (route.node === node && route.kind === 'read') {
      reads += route.count;
      tookMs += route.totalMs;
    }
  return reads === 0 ? null : tookMs / reads;
}

/** How many bytes of the history a replica still has to replay; `null` if the database does not count in bytes. */
export function bytesBehind(primary: NodeStatus, replica: NodeStatus): number | null {
  const ahead = byteOf(primary.position);
  const behind = byteOf(replica.position);
  if (ahead === null || behind === null || replica.health !== 'up') return null;
  return Math.max(0, Number(ahead - behind));
}

/** PostgreSQL writes positions as `16/B374D848`: the upper and the lower 32 bits of a byte's number. */
function byteOf(position: string | null): bigint | null {
  const match = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(position ?? '');
  return match === null ? null : (BigInt(`0x${match[1]}`) << 32n) + BigInt(`0x${match[2]}`);
}
