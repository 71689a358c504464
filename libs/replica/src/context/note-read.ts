import { homeOf, type KnownHomes } from '../routing/rendezvous.js';
import type { Route, RouteReason } from '../routing/route.js';
import type { KeptNode } from '../routing/route-query.js';
import { allowsStale, type Scope } from './context-storage.js';
import { MOVE_AHEAD_MS } from './ledger.js';
import type { ShownSessions } from './shown-sessions.js';

/** The caller asked for the primary by these: routing had no choice. */
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

/** A statement that gave rows was answered: notes what the session was shown, and which node the request reads from. */
export function noteRead(
  scope: Scope,
  route: Route,
  nodes: KnownNodes,
  endedMs: number,
  settings: NoteSettings,
): void {
  const { request } = scope;
  // What a guard reads to find out whose request it is goes to the primary, and binds nobody.
  if (request.session?.standing === 'unresolved') return;
  if (request.session !== undefined) noteShown(scope, route, nodes, settings);
  if (settings.shown !== undefined && !allowsStale(scope.intent)) settings.shown.answered(request, endedMs);
  request.reading.keep(keptNode(scope, route, endedMs));
}

/** A node was chosen for a read: those of the same request that run at the same time go there, too. */
export function noteChoice(scope: Scope, route: Route, startedMs: number): void {
  const { request, intent } = scope;
  if (request.session?.standing === 'unresolved') return;
  if (request.reading.isFirstRead(allowsStale(intent)))
    request.reading.keepChoice(keptNode(scope, route, startedMs));
}

/** The node that was chosen did not answer. */
export function noteFailure({ request }: Scope, { node }: Route): void {
  request.reading.dropChoice(node);
}

function keptNode({ intent }: Scope, { node, reason }: Route, readMs: number): KeptNode {
  const isForced = FORCED_REASONS.has(reason);
  return { name: node, lastReadMs: readMs, isForced, allowsStale: allowsStale(intent) };
}

/** The part of the topology that tells whose data was shown. */
export interface KnownNodes extends KnownHomes {
  readonly primary: { readonly name: string };
}

/** What noting rests on. */
export interface NoteSettings {
  /** A replica that the session was noted to read from is noted anew after so long; milliseconds. */
  readonly renoteAfterMs: number;
  /** What clients were shown, where there is a result cache that has to know. */
  readonly shown?: ShownSessions;
}

/** Reads that may be older anyway (`bounded`, `eventual`) say nothing about what the session may be shown next. */
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
  // Requests of one session run at once: what another one is shown, where this one does not read, a position has to cover.
  if (isMove || view.isOutdated === true) request.ledger.addSighting();
  // The note of a move is older than its date says. One of a later time was made by a clock that was ahead: how old it is nobody knows.
  const isOld =
    servedAtMs < nowMs + MOVE_AHEAD_MS - renoteAfterMs || servedAtMs > nowMs + MOVE_AHEAD_MS + 1_000;
  if (isMove) request.movedTo(node);
  // That it reads from its home is known without being told, but where other processes may know other replicas.
  else if (servedBy === undefined ? session?.isShared === true : isOld) request.readsFrom(node);
}
