import type { Scope } from '../../context/context-storage.js';
import { noteRead, type NoteSettings } from '../../context/note-read.js';
import type { Route } from '../../routing/route.js';
import type { RefusedStatementEvent, StatementEvent } from '../../routing/statement-event.js';
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

/** One try of a statement on a node. */
export interface Attempt {
  readonly route: Route;
  readonly statement: Statement;
  readonly startedMs: number;
  /** From 1. */
  readonly attempt: number;
}

/** What {@link StatementReports} works with. */
export interface StatementReportOptions extends NoteSettings {
  readonly database: Pick<Database, 'errors'>;
  readonly monitor: TopologyMonitor;
  readonly onRefused: (event: RefusedStatementEvent) => void;
  /** Learns of each statement; `undefined` while nobody listens. */
  readonly listener: () => ((event: StatementEvent) => void) | undefined;
  readonly catalog: Pick<CatalogKeeper, 'refreshSoon' | 'missesName' | 'fresh'>;
  /** Whether nodes are watched: without replicas nobody probes, and nobody takes back a suspicion. */
  readonly hasReplicas: () => boolean;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
}

/** Tells everyone concerned what came of a statement: its request, whoever listens, the monitor. */
export class StatementReports {
  readonly #options: StatementReportOptions;

  constructor(options: StatementReportOptions) {
    this.#options = options;
  }

  /** A statement was answered: tells the request and whoever listens. */
  answered(scope: Scope | undefined, { route, statement, startedMs, attempt }: Attempt): void {
    const endedMs = this.#options.nowMs();
    if (scope !== undefined) {
      scope.request.routed(route.node, route.reason);
      if (showsData(statement))
        noteRead(scope, route, this.#options.monitor.topology, endedMs, this.#options);
    }
    this.#options.listener()?.({
      kind: statement.kind,
      tables: statement.tables ?? null,
      node: route.node,
      reason: route.reason,
      durationMs: endedMs - startedMs,
      attempt,
      isFinal: true,
    });
    if (statement.changesCatalog) this.#options.catalog.refreshSoon();
  }

  /**
   * The node has told what is in it by other means than the answer of a read: by an error that data raised, by what a
   * transaction changed that may yet be rolled back, by the rows of a stream.
   */
  shown(scope: Scope | undefined, route: Route): void {
    const { monitor, nowMs } = this.#options;
    if (scope !== undefined) noteRead(scope, route, monitor.topology, nowMs(), this.#options);
  }

  /** A statement failed, and is not tried again: tells whoever listens, and has the node probed where its connection was lost. */
  failed(attempt: Attempt, error: unknown): void {
    const event = this.failedAttempt(attempt, error);
    if (event !== undefined) this.tell(event);
  }

  /** Has the node probed where its connection was lost; gives what to tell of the try, `undefined` while nobody listens. */
  failedAttempt(attempt: Attempt, error: unknown): StatementEvent | undefined {
    this.#probe(attempt, error);
    if (this.#options.listener() === undefined) return undefined;
    return this.#failure(attempt, attempt.route.node, error);
  }

  /** A statement failed, for no node was allowed to answer it. */
  unplaced(attempt: Omit<Attempt, 'route'>, error: NoReplicaError): void {
    const { reason } = error;
    this.tell(this.#failure({ ...attempt, route: { reason } }, null, error));
  }

  /** Tells whoever listens. */
  tell(event: StatementEvent): void {
    this.#options.listener()?.(event);
  }

  /** A replica refused as a write what looked like a read. */
  refused(node: string, { tables }: Statement, text: string): void {
    this.#options.onRefused({ digest: digestOf(text), tables: tables ?? null, node });
  }

  #failure(
    {
      route,
      statement,
      startedMs,
      attempt,
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
    };
  }

  #probe({ route, startedMs }: Attempt, error: unknown): void {
    const { database, monitor, hasReplicas } = this.#options;
    if (!hasReplicas()) return;
    // The primary refused to write: it may be a standby by now.
    if (database.errors.isWriteRefusal(error) && route.node === monitor.topology.primary.name)
      monitor.doubt(route.node, startedMs);
    const loss = this.#lossBehind(error);
    if (loss === undefined) return;
    // One lost connection says little: a probe tells whether the node is gone. One that cannot be had says it all.
    if (loss instanceof NodeUnavailableError) monitor.suspect(route.node, messageOf(loss.cause), startedMs);
    else monitor.doubt(route.node, startedMs);
  }

  /** The loss of a connection that is behind an error; `undefined`: there is none. */
  #lossBehind(error: unknown): unknown {
    if (this.#options.database.errors.isConnectionLoss(error)) return error;
    return error instanceof CommitOutcomeUnknownError || error instanceof TransactionLostError
      ? error.cause
      : undefined;
  }
}

/** What a write has shown is covered by its own position; what controls a transaction shows nothing. */
function showsData({ mayWrite, kind }: Statement): boolean {
  return !mayWrite && kind !== 'transaction-control';
}
