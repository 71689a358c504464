import type { Scope } from '../context/context-storage.js';
import { noteFailure } from '../context/note-read.js';
import type { PrimaryReason, Route } from '../routing/route.js';

import { NoReplicaError } from '../errors/no-replica.error.js';
import { NodeCrashedError } from '../errors/node-crashed.error.js';
import { NodeUnavailableError } from '../errors/node-unavailable.error.js';
import { PoolBusyError } from '../errors/pool-busy.error.js';
import { isConnectionLoss, isSilentLoss, isWorthAnotherNode } from './postgres-errors.js';
import type { PrimaryGate } from './primary-gate.js';
import type { RetryBudget } from './retry-budget.js';
import type { RouteConditions, RouteFinder } from './route-finder.js';
import type { StatementReports, Try } from './statement-reports.js';
import type { Statement } from './statements/index.js';
import { TryLog } from './try-log.js';

/** So many replicas are asked for one read; then the primary. */
const MAX_REPLICAS = 2;
/** So many nodes in all, where the primary is away. */
const MAX_NODES = 4;
/** So often a read may lose its connection to the primary: connections that idled for the same time die together. */
const MAX_PRIMARY_LOSSES = 3;
/** So often a read leaves a replica that is busy: where its session may not read elsewhere just then, it may a moment later. */
const MAX_LEAVES = 3;
/** So often a read that may have crashed its server looks for one more replica, with such a pause in milliseconds: 2 s in all. */
const REPLICA_LOOKS = 40;
const REPLICA_PAUSE_MS = 50;
/** Before it is sent to the same node again: by then the pool knows which others have died; milliseconds. */
const AGAIN_MS = 10;

/** What {@link Tries} work with. */
export interface TryTools {
  readonly finder: Pick<RouteFinder, 'find' | 'toPrimary' | 'primary' | 'mayFallBack' | 'hasReplicaBeside'>;
  readonly reports: Pick<StatementReports, 'failedTry' | 'tell' | 'unplaced'>;
  readonly budget: RetryBudget;
  readonly gate: Pick<PrimaryGate, 'isClosed' | 'opens' | 'refused'>;
  /** A replica that answers everything, while the application starts without the primary. */
  readonly standIn: () => string | undefined;
  /** How long a statement may take by the pool's own limits; milliseconds, infinite without any, or when the node has left. */
  readonly limitMs: (node: string) => number;
  /**
   * Whether a node that a read of this text was lost to without a word has been well since `sinceMs`, or the read can hardly be
   * the reason why it is not. Never rejects.
   */
  readonly isCleared: (node: string, text: string, sinceMs: number) => Promise<boolean>;
  /** Whether nodes are watched at all; without replicas everything is as with `pg` alone. */
  readonly isWatched: () => boolean;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
}

/** A statement that a node is looked for. */
export interface Tried {
  readonly statement: Statement;
  readonly scope: Scope | undefined;
  readonly conditions: RouteConditions;
  /** It goes to the primary for this reason, whatever the rule says. */
  readonly primaryFor?: PrimaryReason;
  /** So many tries of it have failed before. */
  readonly triedBefore?: number;
  /** No (other) node shall be tried: the caller gets this error. */
  readonly gaveUp?: (error: unknown) => void;
}

/**
 * The nodes that one statement outside a transaction is tried on, one after the other.
 *
 * - What was not sent, for there was no connection, may be tried again, whatever it is.
 * - What was sent is tried again only if it changes nothing: a read, or BEGIN. Once on another replica, then on the primary; what
 *   was lost on the primary, where the rule finds it another node, or there again. Only within the time that a
 *   statement may take by the pool's own limits, and within the budget; else its first error stands.
 * - A read whose connection was lost without a word may have crashed its server: it is run on one more node, and on the primary or
 *   a third node only when that is known not to be so.
 * - Where a replica has no connection to spare for a while, another one that has is asked; not the primary.
 * - For a primary that is away it waits, if the options say so.
 */
export class Tries {
  readonly #tools: TryTools;
  readonly #tried: Tried;
  readonly #startedMs: number;
  #failed: readonly string[] = NONE;
  #replicasFailed = 0;
  #primaryLosses = 0;
  #first: { readonly error: unknown; readonly limitMs: number } | undefined;
  /** The nodes that it was lost to without a word, in order: it may have crashed them. And the last error of such a loss. */
  #suspected: readonly string[] = NONE;
  #silentLoss: unknown;
  /** A replica that had no connection to spare just now. */
  #busy: string | undefined;
  /** How often it has left one. */
  #leaves = 0;
  /** A primary that gave no connection. */
  #unreachable: string | undefined;
  /** Only where a try has failed. */
  #log: TryLog | undefined;
  /** Since when it waits for a primary. */
  #waitsSinceMs: number | undefined;

  constructor(tools: TryTools, tried: Tried) {
    this.#tools = tools;
    this.#tried = tried;
    this.#startedMs = tools.nowMs();
    if (this.#isRepeatable) tools.budget.deposit(this.#startedMs);
  }

  /**
   * Where to try next; at once where nothing has to be waited for. Rejects with a `PrimaryUnavailableError` where only the
   * primary would do, and is away.
   */
  next(): Route | Promise<Route> {
    const route = this.#choose();
    if (route instanceof Promise) return route.then((chosen) => this.#reach(chosen));
    return this.#reach(route);
  }

  #reach(route: Route): Route | Promise<Route> {
    const suspects = this.#suspected.length;
    const isDangerous = suspects > 1 || (suspects > 0 && route.node === this.#tools.finder.primary);
    return isDangerous ? this.#reachWhenCleared(route) : this.#reachSafely(route);
  }

  async #reachWhenCleared(route: Route): Promise<Route> {
    const { text } = this.#tried.conditions;
    const areCleared = await Promise.all(
      this.#suspected.map((node) => this.#tools.isCleared(node, text, this.#startedMs)),
    );
    if (areCleared.includes(false)) return this.#oneMoreReplica();
    this.#suspected = NONE;
    return this.#reachSafely(route);
  }

  /**
   * It may run on one more replica, which may be just recovering from the same crash. Most suspects are innocent: they were sent on
   * a connection whose end came before the server's word.
   */
  async #oneMoreReplica(): Promise<Route> {
    const { finder } = this.#tools;
    const { statement, scope, conditions } = this.#tried;
    const failed = this.#suspected;
    const mayWait = failed.length === 1 && finder.hasReplicaBeside(failed);
    for (let left = mayWait ? REPLICA_LOOKS : 0; left > 0; left--) {
      const route = await Promise.resolve(finder.find(statement, scope, { conditions, failed })).catch(
        (error: unknown) => {
          if (!(error instanceof NoReplicaError)) throw error;
        },
      );
      if (route !== undefined && route.node !== finder.primary) return route;
      await after(REPLICA_PAUSE_MS, undefined);
    }
    throw new NodeCrashedError(failed, this.#silentLoss);
  }

  #reachSafely(route: Route): Route | Promise<Route> {
    if (route.node !== this.#tools.finder.primary) return route;
    if (this.#unreachable === route.node || this.#isClosed) return this.#waitForPrimary(route);
    return this.#failed.includes(route.node) ? after(AGAIN_MS, route) : route;
  }

  async #waitForPrimary(route: Route): Promise<Route> {
    const { finder, gate, nowMs } = this.#tools;
    this.#waitsSinceMs ??= nowMs();
    try {
      await gate.opens(this.#waitsSinceMs);
    } catch (error) {
      this.failedTry({ route, startedMs: this.#startedMs }, error);
      throw error;
    }
    this.#unreachable = undefined;
    return { node: finder.primary, reason: route.reason };
  }

  /** Which try is the next one to be told of, from 1. */
  get attempt(): number {
    return 1 + (this.#tried.triedBefore ?? 0) + (this.#log?.failures ?? 0);
  }

  /** A try failed; it is told when it is known whether there is another one. */
  failedTry({ route, startedMs }: Pick<Try, 'route' | 'startedMs'>, error: unknown): void {
    const { reports } = this.#tools;
    const { attempt } = this;
    this.#log ??= new TryLog((event) => reports.tell(event));
    this.#log.failed(
      reports.failedTry({ route, statement: this.#tried.statement, startedMs, attempt }, error),
    );
  }

  /** Another try begins. */
  goesOn(): void {
    this.#log?.goesOn();
  }

  /** The caller gets this error. */
  ended(error: unknown): void {
    const { attempt } = this;
    this.#log?.ended();
    if (this.#log !== undefined || !(error instanceof NoReplicaError)) return;
    const { statement } = this.#tried;
    this.#tools.reports.unplaced({ statement, startedMs: this.#startedMs, attempt }, error);
  }

  /** The try failed. Throws where there shall be no other. */
  failed(route: Route, error: unknown): void {
    const { finder, gate, isWatched } = this.#tools;
    const { node } = route;
    const { scope, statement } = this.#tried;
    if (scope !== undefined && statement.kind === 'read') noteFailure(scope, route);
    if (error instanceof PoolBusyError) {
      this.#busy = node;
      return;
    }
    const isUnsent = error instanceof NodeUnavailableError;
    if (!isWatched() || !isWorthAnotherNode(error) || !(isUnsent || this.#isRepeatable)) throw error;
    if (statement.kind === 'read' && isSilentLoss(error)) {
      this.#suspected = [...this.#suspected, node];
      this.#silentLoss = error;
    }
    this.#first ??= { error, limitMs: this.#tools.limitMs(node) };
    if (node === finder.primary) {
      if (!isConnectionLoss(error)) throw error;
      if (isUnsent) {
        gate.refused(node, error);
        this.#unreachable = node;
      } else if (++this.#primaryLosses >= MAX_PRIMARY_LOSSES) throw error;
    } else {
      this.#replicasFailed++;
      if (this.#failed.length >= MAX_NODES) throw error;
    }
    if (!isUnsent || node !== finder.primary) this.#spend(this.#first);
    if (!this.#failed.includes(node)) this.#failed = [...this.#failed, node];
  }

  #choose(): Route | Promise<Route> {
    const { finder, standIn } = this.#tools;
    const { statement, scope, conditions, primaryFor } = this.#tried;
    const replica = standIn();
    if (replica !== undefined && replica !== finder.primary && !this.#failed.includes(replica))
      return { node: replica, reason: 'primary-away' };
    if (primaryFor !== undefined) return finder.toPrimary(primaryFor);
    if (this.#replicasFailed >= MAX_REPLICAS && finder.mayFallBack) {
      const isAway = this.#isClosed || this.#failed.includes(finder.primary);
      if (!isAway) return finder.toPrimary('replica-failed');
    }
    if (this.#busy !== undefined) return this.#leave(this.#busy);
    return finder.find(statement, scope, { conditions, failed: this.#failed });
  }

  /** It may have crashed a server: it must not share a connection with others. */
  get isSuspect(): boolean {
    return this.#suspected.length > 0;
  }

  /** Whether it may be run elsewhere when it has waited for a connection for a while. */
  mayLeave({ node }: Route): boolean {
    return this.#leaves < MAX_LEAVES && node !== this.#tools.finder.primary;
  }

  /**
   * Another replica than the busy one; else what the rule says without regard to that, for a busy replica is no reason to burden
   * the primary. It is asked anew: while the read waited the replica may have fallen behind, or left.
   */
  async #leave(busy: string): Promise<Route> {
    const { finder } = this.#tools;
    const { statement, scope, conditions } = this.#tried;
    this.#busy = undefined;
    this.#leaves++;
    try {
      const failed = [...this.#failed, busy];
      const route = await finder.find(statement, scope, { conditions, failed });
      if (route.node !== finder.primary) return route;
      if (scope !== undefined) noteFailure(scope, route);
    } catch (error) {
      if (!(error instanceof NoReplicaError)) throw error;
    }
    return finder.find(statement, scope, { conditions, failed: this.#failed });
  }

  get #isClosed(): boolean {
    return this.#tools.isWatched() && this.#tools.gate.isClosed;
  }

  /** It changes nothing, so it may be sent twice. */
  get #isRepeatable(): boolean {
    const { kind, transaction } = this.#tried.statement;
    return kind === 'read' || (kind === 'transaction-control' && transaction === 'begin');
  }

  #spend({ error, limitMs }: { readonly error: unknown; readonly limitMs: number }): void {
    const nowMs = this.#tools.nowMs();
    if (nowMs - this.#startedMs >= limitMs || !this.#tools.budget.withdraw(nowMs)) throw error;
  }
}

const NONE: readonly never[] = [];

function after<T>(ms: number, value: T): Promise<T> {
  return new Promise((resolve) => setTimeout(resolve, ms, value));
}
