import type { Scope } from '../../context/context-storage.js';
import { noteRead, type NoteSettings } from '../../context/note-read.js';
import type { Route } from '../../routing/route.js';
import type { RefusedStatementEvent, StatementEvent } from '../../routing/statement-event.js';
import type { RecentEvents } from '../../observability/recent-events.js';
import { patternDigestOf, type QueryPatterns } from '../../observability/query-patterns.js';
import type { RouteCounts } from '../../observability/route-counts.js';
import type { NodeRole } from '../../topology/topology.js';
import type { TopologyMonitor } from '../../topology/topology-monitor.js';
import type { CatalogKeeper } from '../statements/catalog-keeper.js';
import { CommitOutcomeUnknownError } from '../../errors/commit-outcome-unknown.error.js';
import type { NoReplicaError } from '../../errors/no-replica.error.js';
import { NodeUnavailableError } from '../../errors/node-unavailable.error.js';
import { codeOf, messageOf } from '../../errors/describe-error.js';
import { digestOf } from '../statements/text-digest.js';
import { TransactionLostError } from '../../errors/transaction-lost.error.js';
import type { Database } from '../database.js';
import type { StatementTrace } from '../statement-trace.js';
import type { Statement } from '../statements/statement.js';

/** One attempt to run a statement on a node. */
interface Attempt {
  readonly route: Route;
  readonly statement: Statement;
  readonly startedMs: number;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  readonly scope: Scope | undefined;
  /** Gets the event of the attempt if somebody traces statements. */
  readonly trace: StatementTrace | undefined;
}

/** An attempt that failed. Whether another one follows is not known yet. */
export interface FailedAttempt extends Pick<Attempt, 'statement' | 'trace'> {
  readonly event: StatementEvent;
}

/** What {@link StatementReports} needs. */
export interface StatementReportOptions extends NoteSettings {
  readonly database: Pick<Database, 'errors' | 'patternOf'>;
  readonly monitor: TopologyMonitor;
  readonly onRefused: (event: RefusedStatementEvent) => void;
  /** Counts every outcome, whether anybody listens or not. */
  readonly counts: RouteCounts;
  /** Counts statements by their texts; `undefined`: the options say not to. */
  readonly patterns: QueryPatterns | undefined;
  /** Keeps the statements that failed or needed more than one attempt. */
  readonly recent: Pick<RecentEvents, 'add'>;
  /** Gets an event for each statement. `undefined` while nobody listens. */
  readonly listener: () => ((event: StatementEvent) => void) | undefined;
  readonly catalog: Pick<CatalogKeeper, 'refreshSoon' | 'missesName' | 'fresh'>;
  /** Whether there are replicas. Without any, nobody probes the nodes, so nobody could withdraw a suspicion. */
  readonly hasReplicas: () => boolean;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
}

/** Reports the outcome of a statement to everyone concerned: its request, the listeners, the monitor. */
export class StatementReports {
  readonly #options: StatementReportOptions;

  constructor(options: StatementReportOptions) {
    this.#options = options;
  }

  /** A statement was answered. Tells its request and the listeners. */
  answered({ scope, route, statement, startedMs, attempt, trace }: Attempt): void {
    const endedMs = this.#options.nowMs();
    if (scope !== undefined) {
      scope.request.routed(route.node, route.reason);
      if (showsData(statement))
        noteRead(scope, route, this.#options.monitor.topology, endedMs, this.#options);
    }
    const durationMs = endedMs - startedMs;
    this.#count(statement, route, durationMs);
    if (attempt > 1 || trace !== undefined || this.#options.listener() !== undefined)
      this.#show(eventOf({ scope, route, statement, attempt }, durationMs), trace);
    if (statement.changesCatalog) this.#options.catalog.refreshSoon();
  }

  /**
   * The node revealed data in another way than by answering a read: by an error that data raised, by a change that may still be
   * rolled back, or by the rows of a stream.
   */
  shown(scope: Scope | undefined, route: Route): void {
    const { monitor, nowMs } = this.#options;
    if (scope !== undefined) noteRead(scope, route, monitor.topology, nowMs(), this.#options);
  }

  /** A statement failed and is not tried again. Tells the listeners. If its connection was lost, has the node probed. */
  failed(attempt: Attempt, error: unknown): void {
    this.tell(this.failedAttempt(attempt, error), true);
  }

  /** A stream broke after it was sent. It was counted when it was sent. */
  broke(attempt: Attempt, error: unknown): void {
    const { event, trace } = this.failedAttempt(attempt, error);
    this.#countFailure(event, attempt.statement);
    this.#show(event, trace);
  }

  /** An attempt failed. If its connection was lost, has the node probed. Returns what to {@link tell}. */
  failedAttempt(attempt: Attempt, error: unknown): FailedAttempt {
    this.#probe(attempt, error);
    return this.#failure(attempt, error);
  }

  /** A statement failed because no node was allowed to answer it. */
  unplaced(attempt: Omit<Attempt, 'route'>, error: NoReplicaError): void {
    const { reason } = error;
    this.tell(this.#failure({ ...attempt, route: { node: null, reason } }, error), true);
  }

  /** Counts a failed attempt and tells the listeners, once it is known whether it was the last one. */
  tell({ event: failure, statement, trace }: FailedAttempt, isFinal: boolean): void {
    const event = { ...failure, isFinal };
    if (isFinal) {
      this.#count(statement, event, event.durationMs);
      this.#countFailure(event, statement);
    } else if (event.node !== null) this.#options.counts.retried(event.node, event.errorCode ?? 'unknown');
    this.#show(event, trace);
  }

  /** Hot path: makes no object. */
  #count(statement: Statement, { node, reason }: EventRoute, durationMs: number): void {
    const role = this.#roleOf(node);
    const count = this.#options.counts.of(node, role, statement.kind, reason);
    count.count++;
    count.totalMs += durationMs;
    this.#options.patterns?.of(statement).add(role, reason, durationMs);
  }

  #countFailure({ node, reason }: EventRoute, statement: Statement): void {
    const { counts, patterns } = this.#options;
    counts.of(node, this.#roleOf(node), statement.kind, reason).failed++;
    if (patterns !== undefined) patterns.of(statement).failed++;
  }

  #roleOf(node: string | null): NodeRole | null {
    if (node === null) return null;
    return node === this.#options.monitor.topology.primary.name ? 'primary' : 'replica';
  }

  #show(event: StatementEvent, trace: StatementTrace | undefined): void {
    if (event.attempt > 1 || event.errorCode !== undefined) this.#options.recent.add('statement', event);
    trace?.attempts.push(event);
    this.#options.listener()?.(event);
  }

  /** A statement looked like a read, but a replica refused it as a write. */
  refused(node: string, statement: Statement): void {
    const { counts, database, onRefused } = this.#options;
    counts.refused++;
    const patternOf = (text: string): string => database.patternOf(text);
    const digest = patternDigestOf(statement, { patternOf, digestOf });
    onRefused({ digest, tables: statement.tables ?? null, node });
  }

  #failure(
    { startedMs, trace, ...attempt }: Omit<Attempt, 'route'> & { readonly route: EventRoute },
    error: unknown,
  ): FailedAttempt {
    const event = eventOf(attempt, this.#options.nowMs() - startedMs);
    const { statement } = attempt;
    return { statement, trace, event: { ...event, errorCode: codeOf(error) ?? 'unknown' } };
  }

  #probe({ route, startedMs }: Attempt, error: unknown): void {
    const { database, monitor, hasReplicas } = this.#options;
    if (!hasReplicas()) return;
    // The primary refused to write, so it may be a standby by now.
    if (database.errors.isWriteRefusal(error) && route.node === monitor.topology.primary.name)
      monitor.doubt(route.node, startedMs);
    const loss = this.#lossBehind(error);
    if (loss === undefined) return;
    // One lost connection says little, so a probe finds out whether the node is gone. A connection that cannot be opened says
    // enough.
    if (loss instanceof NodeUnavailableError) monitor.suspect(route.node, messageOf(loss.cause), startedMs);
    else monitor.doubt(route.node, startedMs);
  }

  /** The lost connection behind an error, or `undefined`. */
  #lossBehind(error: unknown): unknown {
    if (this.#options.database.errors.isConnectionLoss(error)) return error;
    return error instanceof CommitOutcomeUnknownError || error instanceof TransactionLostError
      ? error.cause
      : undefined;
  }
}

/** Where an attempt went. `null`: no node was allowed to answer. */
type EventRoute = Pick<StatementEvent, 'node' | 'reason'>;

function eventOf(
  {
    scope,
    route,
    statement,
    attempt,
  }: Pick<Attempt, 'scope' | 'statement' | 'attempt'> & { route: EventRoute },
  durationMs: number,
): StatementEvent {
  return {
    kind: statement.kind,
    tables: statement.tables ?? null,
    node: route.node,
    reason: route.reason,
    durationMs,
    attempt,
    isFinal: true,
    request: scope?.request.number ?? null,
  };
}

/** A write's own position covers what the write has shown. Statements that control a transaction show nothing. */
function showsData({ mayWrite, kind }: Statement): boolean {
  return !mayWrite && kind !== 'transaction-control';
}
