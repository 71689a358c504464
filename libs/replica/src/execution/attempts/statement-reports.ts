import type { Scope } from '../../context/context-storage.js';
import { noteRead, type NoteSettings } from '../../context/note-read.js';
import type { Route } from '../../routing/route.js';
import type { RefusedStatementEvent, StatementEvent } from '../../routing/statement-event.js';
import type { RecentEvents } from '../../observability/recent-events.js';
import type { RouteCount, RouteCounts } from '../../observability/route-counts.js';
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
import type { Statement } from '../statements/statement.js';

/** One attempt to run a statement on a node. */
interface Attempt {
  readonly route: Route;
  readonly statement: Statement;
  readonly startedMs: number;
  /** The number of the attempt, from 1. */
  readonly attempt: number;
  readonly scope: Scope | undefined;
}

/** What {@link StatementReports} needs. */
export interface StatementReportOptions extends NoteSettings {
  readonly database: Pick<Database, 'errors'>;
  readonly monitor: TopologyMonitor;
  readonly onRefused: (event: RefusedStatementEvent) => void;
  /** Counts every outcome, whether anybody listens or not. */
  readonly counts: RouteCounts;
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
  answered({ scope, route, statement, startedMs, attempt }: Attempt): void {
    const { listener, counts, recent, nowMs } = this.#options;
    const endedMs = nowMs();
    if (scope !== undefined) {
      scope.request.routed(route.node, route.reason);
      if (showsData(statement))
        noteRead(scope, route, this.#options.monitor.topology, endedMs, this.#options);
    }
    const count = counts.of(route.node, this.#roleOf(route.node), statement.kind, route.reason);
    count.count++;
    count.totalMs += endedMs - startedMs;
    const listen = listener();
    if (listen !== undefined || attempt > 1) {
      const event: StatementEvent = {
        kind: statement.kind,
        tables: statement.tables ?? null,
        node: route.node,
        reason: route.reason,
        durationMs: endedMs - startedMs,
        attempt,
        isFinal: true,
        request: scope?.request.number ?? null,
      };
      if (attempt > 1) recent.add('statement', event);
      listen?.(event);
    }
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
    this.tell(this.failedAttempt(attempt, error));
  }

  /** A stream broke after it was sent. It was counted when it was sent. */
  broke(attempt: Attempt, error: unknown): void {
    const event = this.failedAttempt(attempt, error);
    this.#countOf(event).failed++;
    this.#show(event);
  }

  /** An attempt failed. If its connection was lost, has the node probed. Returns the event to {@link tell}. */
  failedAttempt(attempt: Attempt, error: unknown): StatementEvent {
    this.#probe(attempt, error);
    return this.#failure(attempt, attempt.route.node, error);
  }

  /** A statement failed because no node was allowed to answer it. */
  unplaced(attempt: Omit<Attempt, 'route'>, error: NoReplicaError): void {
    const { reason } = error;
    this.tell(this.#failure({ ...attempt, route: { reason } }, null, error));
  }

  /** Counts a failed attempt and tells the listeners, once it is known whether another one follows. */
  tell(event: StatementEvent): void {
    if (event.isFinal) {
      const count = this.#countOf(event);
      count.count++;
      count.failed++;
      count.totalMs += event.durationMs;
    } else if (event.node !== null) this.#options.counts.retried(event.node, event.errorCode ?? 'unknown');
    this.#show(event);
  }

  #countOf({ node, kind, reason }: StatementEvent): RouteCount {
    return this.#options.counts.of(node, node === null ? null : this.#roleOf(node), kind, reason);
  }

  #roleOf(node: string): NodeRole {
    return node === this.#options.monitor.topology.primary.name ? 'primary' : 'replica';
  }

  #show(event: StatementEvent): void {
    this.#options.recent.add('statement', event);
    this.#options.listener()?.(event);
  }

  /** A statement looked like a read, but a replica refused it as a write. */
  refused(node: string, { tables }: Statement, text: string): void {
    this.#options.counts.refused++;
    this.#options.onRefused({ digest: digestOf(text), tables: tables ?? null, node });
  }

  #failure(
    {
      route,
      statement,
      startedMs,
      attempt,
      scope,
    }: Omit<Attempt, 'route'> & { readonly route: Pick<Route, 'reason'> },
    node: string | null,
    error: unknown,
  ): StatementEvent {
    return {
      kind: statement.kind,
      tables: statement.tables ?? null,
      node,
      reason: route.reason,
      durationMs: this.#options.nowMs() - startedMs,
      errorCode: codeOf(error) ?? 'unknown',
      attempt,
      isFinal: true,
      request: scope?.request.number ?? null,
    };
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

/** A write's own position covers what the write has shown. Statements that control a transaction show nothing. */
function showsData({ mayWrite, kind }: Statement): boolean {
  return !mayWrite && kind !== 'transaction-control';
}
