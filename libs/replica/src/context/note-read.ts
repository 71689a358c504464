import { preferredBy } from '../routing/rendezvous.js';
import type { PrimaryReason, Route } from '../routing/route.js';
import type { SessionView } from '../routing/route-query.js';
import type { Topology } from '../topology/topology.js';
import type { Scope } from './context-storage.js';

/** The caller asked for the primary by these: they say nothing about the reads that follow in the request. */
const EXPLICIT_REASONS: ReadonlySet<string> = new Set<PrimaryReason>([
  'routing-disabled',
  'session-change',
  'transaction',
  'primary-runner',
  'forced-primary',
  'strong-consistency',
  'unsafe-method',
  'primary-preferred',
]);

/** A read was answered: notes what the session was shown, and which node the request reads from. */
export function noteRead(scope: Scope, route: Route, topology: Topology, endedMs: number): void {
  const { request } = scope;
  const standing = request.session?.standing ?? 'none';
  if (standing === 'unresolved') return;
  if (standing === 'known') noteShown(scope, route, topology);
  if (!EXPLICIT_REASONS.has(route.reason)) request.keep({ name: route.node, lastReadMs: endedMs });
}

/** Reads that may be older anyway (`bounded`, `eventual`) say nothing about what the session may be shown next. */
function noteShown({ request, intent }: Scope, { node }: Route, { primary, homes }: Topology): void {
  if (node === primary.name) {
    if (intent.consistency === 'session' || intent.consistency === 'strong') request.sawPrimary();
    return;
  }
  const now = Date.now();
  const session = intent.consistency === 'session' ? request.session?.view(now) : undefined;
  if (request.session === undefined || session === undefined) return;
  const home = preferredBy(session.keyHash, homes).name;
  if (isNewsOf(session, node, home, now - request.session.ttlMs / 2)) request.movedTo(node);
}

/** Whether the session has to be told that it reads from this replica, or told again since before `oldMs`. */
function isNewsOf(
  { servedBy, servedAtMs = 0 }: SessionView,
  node: string,
  home: string,
  oldMs: number,
): boolean {
  return node !== (servedBy ?? home) || (servedBy !== undefined && servedAtMs < oldMs);
}
