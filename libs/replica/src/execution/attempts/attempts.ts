import type { Scope } from '../../context/context-storage.js';
import { noteFailure } from '../../context/note-read.js';
import { NoReplicaError } from '../../errors/no-replica.error.js';
import { NodeUnavailableError } from '../../errors/node-unavailable.error.js';
import { PoolBusyError } from '../../errors/pool-busy.error.js';
import type { PrimaryReason, Route } from '../../routing/route.js';
import { leadToCaller } from '../lead-to-caller.js';
import type { StatementTrace } from '../statement-trace.js';
import type { Statement } from '../statements/statement.js';
import type { AttemptedStatement, AttemptTools } from './attempt-tools.js';
import type { FailedAttempt } from './statement-reports.js';
import { SuspectedCrash } from './suspected-crash.js';

/** How many replicas one read tries before it goes to the primary. */
const MAX_REPLICAS = 2;
/** How many nodes it tries in all while the primary is away. */
const MAX_NODES = 4;
/** How often a read may lose its connection to the primary. Connections that were idle for the same time die together. */
const MAX_PRIMARY_LOSSES = 3;
/** How often a read leaves a busy replica. If its session may not read elsewhere right now, it may a moment later. */
const MAX_LEAVES = 3;
/**
 * Pause before a statement is sent to the same node again, in milliseconds. By then the pool knows which other connections have
 * died.
 */
const AGAIN_MS = 10;

const NONE: readonly never[] = [];
const NO_TURN = (): void => undefined;

/**
 * Runs one statement outside a transaction (a read, a write, a stream, BEGIN) on one node after another until one answers. A
 * subclass says what to do on a node.
 *
 * - A statement that got no connection was not sent, so it may be tried again, whatever it is.
 * - A statement that was sent is tried again only if it changes nothing: a read, or BEGIN. It tries one other replica, then the
 *   primary. If the primary lost it, it goes to another node if the rule finds one, otherwise to the primary again. The budget
 *   pays for each further attempt, which must begin within the time that the pool's own limits allow a statement. Otherwise the
 *   first error stands.
 * - A read that a replica refuses runs on the primary. If the replica refused it as a write, it runs as a write.
 * - A read whose connection was lost without a word may have crashed its server: see {@link SuspectedCrash}.
 * - If a replica has no connection to spare for a while, the read moves to another replica that has one, but not to the primary.
 * - If the options say so, the statement waits for a primary that is away.
 *
 * Nearly every statement waits for nothing, and the first node answers it. Then only one promise is made besides the answer's,
 * because inside a request's context every promise takes time.
 */
export abstract class Attempts<T> {
  readonly #tools: AttemptTools;
  #attempted: AttemptedStatement;
  readonly #startedMs: number;
  /** Why the statement goes to the primary, whatever the rule says. */
  #primaryFor: PrimaryReason | undefined;
  /** How many attempts have failed. */
  #failures = 0;
  /** The last failed attempt, until it is clear whether another one follows. */
  #untold: FailedAttempt | undefined;
  #failed: readonly string[] = NONE;
  #replicasFailed = 0;
  #primaryLosses = 0;
  #first: { readonly error: unknown; readonly limitMs: number } | undefined;
  #suspicion: SuspectedCrash | undefined;
  /** A replica that had no connection to spare a moment ago. */
  #busy: string | undefined;
  /** How often the statement has left a busy replica. */
  #leaves = 0;
  /** A primary to which no connection could be had. */
  #unreachable: string | undefined;
  /** Since when the statement has been waiting for a primary. */
  #waitsSinceMs: number | undefined;
  /** Ends the turn of a read that has fallen back on the primary. */
  #endTurn = NO_TURN;

  constructor(tools: AttemptTools, attempted: AttemptedStatement) {
    this.#tools = tools;
    this.#attempted = attempted;
    this.#startedMs = tools.nowMs();
    if (this.#isRepeatable) tools.budget.deposit(this.#startedMs);
  }

  /** Runs the statement on a node. If this throws, the promise of `start` is rejected. */
  protected abstract runOn(route: Route): Promise<T>;

  /** Called when a node has answered. */
  protected abstract answered(result: T, route: Route, startedMs: number): void;

  /** Called with the error that the caller gets. `route`: of the node that failed last, if there was one. */
  protected abstract gaveUp(error: unknown, route: Route | undefined): void;

  start(): Promise<T> {
    try {
      const route = this.#choose();
      return route instanceof Promise
        ? route.then(
            (chosen) => this.#enter(chosen),
            (error: unknown) => this.#giveUp(error),
          )
        : this.#enter(route);
    } catch (error) {
      return this.#giveUp(error);
    }
  }

  /** The statement to run: the original one, or the write that a read has turned out to be. */
  protected get statement(): Statement {
    return this.#attempted.statement;
  }

  protected get scope(): Scope | undefined {
    return this.#attempted.scope;
  }

  protected get trace(): StatementTrace | undefined {
    return this.#attempted.trace;
  }

  /** The number of the attempt to report next, from 1. */
  get attempt(): number {
    return 1 + this.#failures;
  }

  /** Whether the statement may have crashed a server. If so, it must not share a connection with others. */
  protected get isSuspect(): boolean {
    return this.#suspicion !== undefined;
  }

  /** Whether the statement may go elsewhere after it has waited for a connection for a while. */
  mayLeave({ node }: Route): boolean {
    return this.#leaves < MAX_LEAVES && node !== this.#tools.finder.primary;
  }

  /** Hands over the turn to whoever keeps the connection. The caller must then call the returned function to end it. */
  protected takeTurn(): () => void {
    const endTurn = this.#endTurn;
    this.#endTurn = NO_TURN;
    return endTurn;
  }

  /** Chooses the node of the next attempt by the rule and by what has failed so far. */
  #choose(): Route | Promise<Route> {
    const route = this.#find();
    return route instanceof Promise ? route.then((found) => this.#check(found)) : this.#check(route);
  }

  #find(): Route | Promise<Route> {
    const { finder, standIn } = this.#tools;
    const replica = standIn();
    if (replica !== undefined && replica !== finder.primary && !this.#failed.includes(replica))
      return { node: replica, reason: 'primary-away' };
    if (this.#primaryFor !== undefined) return finder.toPrimary(this.#primaryFor);
    if (this.#replicasFailed >= MAX_REPLICAS && finder.mayFallBack) {
      const isAway = this.#isClosed || this.#failed.includes(finder.primary);
      if (!isAway) return finder.toPrimary('replica-failed');
    }
    return this.#busy === undefined ? this.#findExcept(this.#failed) : this.#leave(this.#busy);
  }

  #findExcept(failed: readonly string[]): Route | Promise<Route> {
    const { statement, scope, conditions } = this.#attempted;
    return this.#tools.finder.find(statement, scope, { conditions, failed });
  }

  /**
   * Chooses another replica than the busy one. If there is none, the busy replica counts again, because a busy replica is no
   * reason to burden the primary. The rule decides anew, since the replica may have fallen behind or left while the read waited.
   */
  async #leave(busy: string): Promise<Route> {
    const { scope } = this.#attempted;
    this.#busy = undefined;
    this.#leaves++;
    try {
      const route = await this.#findExcept([...this.#failed, busy]);
      if (route.node !== this.#tools.finder.primary) return route;
      if (scope !== undefined) noteFailure(scope, route);
    } catch (error) {
      if (!(error instanceof NoReplicaError)) throw error;
    }
    return this.#findExcept(this.#failed);
  }

  #check(route: Route): Route | Promise<Route> {
    return this.#suspicion?.forbids(route.node) === true
      ? this.#checkSuspect(route, this.#suspicion)
      : this.#checkPrimary(route);
  }

  async #checkSuspect(route: Route, suspicion: SuspectedCrash): Promise<Route> {
    const { conditions } = this.#attempted;
    if (!(await suspicion.isCleared(conditions.text, this.#startedMs)))
      return suspicion.oneMoreReplica(this.#attempted);
    this.#suspicion = undefined;
    return this.#checkPrimary(route);
  }

  #checkPrimary(route: Route): Route | Promise<Route> {
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
      this.#noteFailedAttempt(route, this.#startedMs, error);
      throw error;
    }
    this.#unreachable = undefined;
    return { node: finder.primary, reason: route.reason };
  }

  #enter(route: Route): Promise<T> {
    const entered = this.#tools.enter(route);
    return entered instanceof Promise
      ? entered.then(
          (endTurn) => this.#attempt(route, endTurn),
          (error: unknown) => this.#giveUp(error),
        )
      : this.#attempt(route, entered);
  }

  #attempt(route: Route, endTurn: () => void): Promise<T> {
    this.#endTurn = endTurn;
    if (this.#untold !== undefined) this.#tellUntold(false);
    const startedMs = this.#tools.nowMs();
    let answer: Promise<T>;
    try {
      answer = this.runOn(route);
    } catch (error) {
      answer = Promise.reject(error);
    }
    return answer.then(
      (result) => {
        this.takeTurn()();
        this.answered(result, route, startedMs);
        return result;
      },
      (error: unknown) => {
        this.takeTurn()();
        leadToCaller(error);
        if (!(error instanceof PoolBusyError)) this.#noteFailedAttempt(route, startedMs, error);
        return this.#again(route, error);
      },
    );
  }

  /** Makes another attempt, or gives up. */
  #again(route: Route, error: unknown): Promise<T> {
    const { statement, scope } = this.#attempted;
    if (scope !== undefined && statement.kind === 'read') noteFailure(scope, route);
    try {
      if (!this.#isRefusedRead(route, error)) this.#failedOn(route, error);
    } catch (final) {
      return this.#giveUp(final, route);
    }
    return this.start();
  }

  /** Notes the failure. Throws if no other node should be tried. */
  #failedOn(route: Route, error: unknown): void {
    const { finder, gate, errors } = this.#tools;
    const { node } = route;
    if (error instanceof PoolBusyError) {
      this.#busy = node;
      return;
    }
    const isUnsent = error instanceof NodeUnavailableError;
    const isWorthIt = errors.isWorthAnotherNode(error) && (isUnsent || this.#isRepeatable);
    if (!this.#tools.hasReplicas() || !isWorthIt) throw error;
    if (this.statement.kind === 'read' && errors.isSilentLoss(error))
      this.#suspicion = this.#suspicion?.and(node, error) ?? new SuspectedCrash(this.#tools, [node], error);
    this.#first ??= { error, limitMs: this.#tools.limitMs(node) };
    if (node === finder.primary) {
      if (!errors.isConnectionLoss(error)) throw error;
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

  #spend({ error, limitMs }: { readonly error: unknown; readonly limitMs: number }): void {
    const nowMs = this.#tools.nowMs();
    if (nowMs - this.#startedMs >= limitMs || !this.#tools.budget.withdraw(nowMs)) throw error;
  }

  /**
   * Whether a replica refused the read in a way that only replicas do. Then it runs on the primary, as a write if the replica
   * refused it as one. A read that may have crashed another replica does not. Throws if the scope prevents writes.
   */
  #isRefusedRead({ node }: Route, error: unknown): boolean {
    const { errors, finder } = this.#tools;
    const { statement, conditions } = this.#attempted;
    const isRefusable =
      statement.kind === 'read' &&
      this.#suspicion === undefined &&
      this.#primaryFor === undefined &&
      node !== finder.primary;
    if (!isRefusable || !(errors.isWriteRefusal(error) || errors.mayWorkOnPrimary(error))) return false;
    if (errors.isWriteRefusal(error)) {
      const write = this.#tools.refused(node, statement, conditions.text);
      this.#attempted = { ...this.#attempted, statement: write };
    }
    this.#primaryFor = 'refused-by-replica';
    this.#failed = NONE;
    this.#replicasFailed = 0;
    this.#first = undefined;
    return true;
  }

  /**
   * Reports a failed attempt to listeners once it is clear whether another one follows. So the final failures are exactly those
   * that callers see.
   */
  #noteFailedAttempt(route: Route, startedMs: number, error: unknown): void {
    const { reports } = this.#tools;
    const { statement, attempt, scope, trace } = this;
    this.#tellUntold(false);
    this.#untold = reports.failedAttempt({ scope, route, statement, startedMs, attempt, trace }, error);
    this.#failures++;
  }

  #tellUntold(isFinal: boolean): void {
    const failed = this.#untold;
    this.#untold = undefined;
    if (failed !== undefined) this.#tools.reports.tell(failed, isFinal);
  }

  #giveUp(error: unknown, route?: Route): Promise<never> {
    const { statement, attempt, scope, trace } = this;
    this.#tellUntold(true);
    if (this.#failures === 0 && error instanceof NoReplicaError)
      this.#tools.reports.unplaced({ scope, statement, startedMs: this.#startedMs, attempt, trace }, error);
    this.gaveUp(error, route);
    return Promise.reject(error);
  }

  get #isClosed(): boolean {
    return this.#tools.hasReplicas() && this.#tools.gate.isClosed;
  }

  /** Whether the statement changes nothing, so that it is safe to send twice. */
  get #isRepeatable(): boolean {
    const { kind, transaction } = this.#attempted.statement;
    return kind === 'read' || (kind === 'transaction-control' && transaction === 'begin');
  }
}

function after<T>(ms: number, value: T): Promise<T> {
  return new Promise((resolve) => setTimeout(resolve, ms, value));
}
