import { homeOf, type KnownHomes } from '../routing/rendezvous.js';
import type { Route, RouteReason } from '../routing/route.js';
import type { KeptNode } from '../routing/route-query.js';
import { allowsStale, type Scope } from './context-storage.js';
import { MOVE_AHEAD_MS } from './ledger.js';
import type { ShownSessions } from './shown-sessions.js';

/** With these reasons the caller asked for the primary: routing had no choice. */
const FORCED_REASONS: ReadonlySet<string> = new Set<RouteReason>([
  'routing-disabled',
  'write',
  'locking-read',
  'session-change',
  'unknown-statement',
  'transaction',
  'primary-runner',
  'forced-primary',
  'strong-consistency',
  'unsafe-method',
  'primary-preferred',
  'session-unknown',
  'table-rule',
  'route-function',
]);

/** Notes, after a statement returned rows, what the session was shown and which node the request reads from. */
export function noteRead(
  scope: Scope,
  route: Route,
  nodes: KnownNodes,
  endedMs: number,
  settings: NoteSettings,
): void {
  const { request } = scope;
  // A guard that finds out whose request it is reads from the primary, and its reads bind nobody.
  if (request.session?.standing === 'unresolved') return;
  if (request.session !== undefined) noteShown(scope, route, nodes, settings);
  if (settings.shown !== undefined && !allowsStale(scope.intent)) settings.shown.answered(request, endedMs);
  request.reading.keep(keptNode(scope, route, endedMs));
}

/** Notes the node that was chosen for a read, so that concurrent reads of the request go there, too. */
export function noteChoice(scope: Scope, route: Route, startedMs: number): void {
  const { request, intent } = scope;
  if (request.session?.standing === 'unresolved') return;
  if (request.reading.isFirstRead(allowsStale(intent)))
    request.reading.keepChoice(keptNode(scope, route, startedMs));
}

/** Notes that the chosen node did not answer. */
export function noteFailure({ request }: Scope, { node }: Route): void {
  request.reading.dropChoice(node);
}

function keptNode({ intent }: Scope, { node, reason }: Route, readMs: number): KeptNode {
  const isForced = FORCED_REASONS.has(reason);
  return { name: node, lastReadMs: readMs, isForced, allowsStale: allowsStale(intent) };
}

/** The part of the topology that says whose data was shown. */
export interface KnownNodes extends KnownHomes {
  readonly primary: { readonly name: string };
}

/** How reads are noted. */
export interface NoteSettings {
  /** The session's replica is noted anew when the note is this old; milliseconds. */
  readonly renoteAfterMs: number;
  /** What clients were shown, if there is a result cache that needs to know. */
  readonly shown?: ShownSessions;
}

/** Reads that allow stale data (`bounded`, `eventual`) do not limit what the session may be shown next. */
function noteShown(
  { request, intent }: Scope,
  { node }: Route,
  nodes: KnownNodes,
  { renoteAfterMs }: NoteSettings,
): void {
  if (node === nodes.primary.name) {
    if (!allowsStale(intent)) request.ledger.addSighting();
    return;
  }
  const { session, clock } = request;
  if (session?.isBoundElsewhere === true && !allowsStale(intent)) request.ledger.addSighting();
  const nowMs = clock.latestMs();
  const view = intent.consistency === 'session' ? session?.view(nowMs) : undefined;
  if (view === undefined || view.status === 'unresolved') return;
  const { servedBy, servedAtMs = 0 } = view;
  const isMove = node !== (servedBy ?? homeOf(view.keyHash, nodes));
  // Other requests of the session may run at the same time, and read elsewhere. Only a position covers what they are shown.
  if (isMove || view.isOutdated === true) request.ledger.addSighting();
  // The note of a move is older than its date says. If its date lies still further ahead, another clock made it, and its age is unknown.
  const isOld =
    servedAtMs < nowMs + MOVE_AHEAD_MS - renoteAfterMs || servedAtMs > nowMs + MOVE_AHEAD_MS + 1_000;
  if (isMove) request.movedTo(node);
  // A session at its home needs no note, unless other processes, which may know other replicas, serve it as well.
  else if (servedBy === undefined ? session?.isShared === true : isOld) request.readsFrom(node);
}
