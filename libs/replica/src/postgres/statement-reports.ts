import type { Scope } from '../context/context-storage.js';
import { noteRead, type NoteSettings } from '../context/note-read.js';
import type { Route } from '../routing/route.js';
import type { StatementEvent } from '../routing/statement-event.js';
import type { TopologyMonitor } from '../topology/topology-monitor.js';
import type { CatalogKeeper } from './catalog-keeper.js';
import { CommitOutcomeUnknownError } from './commit-outcome-unknown.error.js';
import { NodeUnavailableError } from './node-unavailable.error.js';
import { codeOf, isConnectionLoss, isReadOnlyViolation, messageOf } from './postgres-errors.js';
import { TransactionLostError } from './transaction-lost.error.js';
import type { Statement } from './statements/index.js';

/** What {@link StatementReports} works with. */
export interface StatementReportOptions extends NoteSettings {
  readonly monitor: TopologyMonitor;
  /** Learns of each statement; `undefined` while nobody listens. */
  readonly listener: () => ((event: StatementEvent) => void) | undefined;
  readonly catalog: Pick<CatalogKeeper, 'refreshSoon' | 'missesName' | 'fresh'>;
  /** Whether nodes are watched: without replicas nobody probes, and nobody takes back a suspicion. */
  readonly isWatched: () => boolean;
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
  answered(scope: Scope | undefined, route: Route, statement: Statement, startedMs: number): void {
    const endedMs = this.#options.nowMs();
    if (scope !== undefined) {
      scope.request.routed(route.node, route.reason);
      if (showsData(statement))
        noteRead(scope, route, this.#options.monitor.topology, endedMs, this.#options);
    }
    this.#options.listener()?.({
      kind: statement.kind,
      node: route.node,
      reason: route.reason,
      durationMs: endedMs - startedMs,
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

  /** A statement failed: tells whoever listens, and has the node probed where its connection was lost. */
  failed(route: Route, statement: Statement, startedMs: number, error: unknown): void {
    const { monitor, listener, isWatched, nowMs } = this.#options;
    listener()?.({
      kind: statement.kind,
      node: route.node,
      reason: route.reason,
      durationMs: nowMs() - startedMs,
      errorCode: codeOf(error) ?? 'unknown',
    });
    if (!isWatched()) return;
    // The primary refused to write: it may be a standby by now.
    if (isReadOnlyViolation(error) && route.node === monitor.topology.primary.name)
      monitor.doubt(route.node, startedMs);
    const loss = lossOf(error);
    if (loss === undefined) return;
    // One lost connection says little: a probe tells whether the node is gone. One that cannot be had says it all.
    if (loss instanceof NodeUnavailableError) monitor.suspect(route.node, messageOf(loss.cause), startedMs);
    else monitor.doubt(route.node, startedMs);
  }
}

/** What a write has shown is covered by its own position; what controls a transaction shows nothing. */
function showsData({ mayWrite, kind }: Statement): boolean {
  return !mayWrite && kind !== 'transaction-control';
}

/** The loss of a connection that is behind an error; `undefined`: there is none. */
function lossOf(error: unknown): unknown {
  if (isConnectionLoss(error)) return error;
  return error instanceof CommitOutcomeUnknownError || error instanceof TransactionLostError
    ? error.cause
    : undefined;
}
