import type { ContextStorage } from '../context/context-storage.js';
import type { NoReplicaError } from '../errors/no-replica.error.js';
import { UnboundTransactionError } from '../errors/unbound-transaction.error.js';
import { WritePreventedError } from '../errors/write-prevented.error.js';
import { isWrite } from '../routing/decide-route.js';
import { mayServe } from '../routing/eligible-replicas.js';
import { isFallback, type Route } from '../routing/route.js';
import { FallbackGate } from './attempts/fallback-gate.js';
import type { PooledReadTools } from './attempts/pooled-read.js';
import { RetryBudget, type RetryLimits } from './attempts/retry-budget.js';
import { RouteFinder, type RouteFinderOptions } from './attempts/route-finder.js';
import { StatementReports, type StatementReportOptions } from './attempts/statement-reports.js';
import type { Tracing } from '../observability/tracing.js';
import type { Database, ErrorKinds } from './database.js';
import type { PiggybackedPositions } from './piggybacked-position.js';
import type { ChangeLog } from './pinned/change-log.js';
import { DurableRuns, type DowngradedCommit } from './pinned/durable-run.js';
import type { NodePool } from './pools/node-pool.js';
import { OUTSIDE_OWNER } from './pools/parked-connections.js';
import type { PrimaryGate } from './primary/primary-gate.js';
import { traceIn, type StatementTrace } from './statement-trace.js';
import type { Statement } from './statements/statement.js';

/** What a {@link StatementRouter} needs. */
export interface StatementRouterOptions extends RouteFinderOptions, StatementReportOptions {
  /** The name of the data source. */
  readonly name: string;
  readonly database: Database;
  readonly pools: ReadonlyMap<string, NodePool>;
  readonly contexts: ContextStorage;
  readonly positions: PiggybackedPositions;
  readonly tracing: Tracing;
  /** The limits on how many reads may be tried again. */
  readonly retries: RetryLimits;
  /** Guards the primary. */
  readonly gate: PrimaryGate;
  /** The replica that answers everything while the application starts without the primary. */
  readonly standIn: () => string | undefined;
  /** Whether anybody has called `withDurability()`. */
  readonly usesDurability: () => boolean;
  readonly onDowngraded: (event: DowngradedCommit) => void;
  /** Learns which tables are changed, if somebody wants to know. */
  readonly changes: () => ChangeLog | undefined;
}

/**
 * Brings together the rule, the pools and the request: decides where each statement runs, and where it runs next if that
 * fails. Attempts work with it directly.
 */
export class StatementRouter implements PooledReadTools {
  readonly contexts: ContextStorage;
  readonly database: Database;
  /** Reports the outcome of statements to everyone concerned. */
  readonly reports: StatementReports;
  /** Asks for positions right behind writes. */
  readonly positions: PiggybackedPositions;
  readonly tracing: Tracing;
  readonly errors: ErrorKinds;
  readonly finder: RouteFinder;
  readonly budget: RetryBudget;
  readonly gate: PrimaryGate;
  readonly standIn: () => string | undefined;
  readonly hasReplicas: () => boolean;
  readonly nowMs: () => number;
  readonly #options: StatementRouterOptions;
  readonly #fallback: FallbackGate | undefined;
  readonly #durable: DurableRuns | undefined;

  constructor(options: StatementRouterOptions) {
    const { fallback } = options.limits;
    this.#options = options;
    this.#fallback = typeof fallback === 'object' ? new FallbackGate(fallback) : undefined;
    this.contexts = options.contexts;
    this.database = options.database;
    this.positions = options.positions;
    this.tracing = options.tracing;
    this.reports = new StatementReports(options);
    this.finder = new RouteFinder(options, (node) => this.pool(node).load);
    this.errors = options.database.errors;
    this.budget = new RetryBudget(options.retries);
    this.gate = options.gate;
    this.standIn = options.standIn;
    this.hasReplicas = options.hasReplicas;
    this.nowMs = options.nowMs;
    const { durability } = options.database;
    this.#durable =
      durability === undefined
        ? undefined
        : new DurableRuns({ ...options, durability, classify: (text) => this.#classify(text) });
  }

  /**
   * Classifies the statement. Throws a `WritePreventedError` if the caller's scope prevents it. A prevented statement may name
   * something that the catalog does not know, such as a table that another process has just created. Then a newer catalog is
   * loaded first, and judges.
   */
  admit(text: string): Statement | Promise<Statement> {
    const statement = this.#classify(text);
    if (statement.needsCatalog === true && this.#isPrevented(statement)) return this.#admitLater(text);
    this.#assertAllowed(statement);
    return statement;
  }

  async #admitLater(text: string): Promise<Statement> {
    await this.#options.catalog.fresh();
    const statement = this.#classify(text);
    this.#assertAllowed(statement);
    return statement;
  }

  #classify(text: string): Statement {
    const { classifier, catalog } = this.#options;
    const statement = classifier.classify(text);
    if (statement.needsCatalog === true) catalog.missesName();
    return statement;
  }

  #isPrevented({ kind }: Statement): boolean {
    return isWrite(kind) && this.contexts.ofStatement()?.intent.preventWrites === true;
  }

  #assertAllowed(statement: Statement): void {
    if (this.#isPrevented(statement))
      throw new WritePreventedError(statement.kind === 'unknown' ? 'unknown' : 'write', statement.because);
  }

  /** Runs what `withDurability()` surrounds; `undefined` as long as nobody has called that. */
  get durable(): DurableRuns | undefined {
    return this.#options.usesDurability() ? this.#durable : undefined;
  }

  get changes(): ChangeLog | undefined {
    return this.#options.changes();
  }

  /** What the text may do, without any consequence: a name that the catalog lacks has nothing loaded. */
  classify(text: string): Statement {
    return this.#options.classifier.classify(text);
  }

  /** What is told of a statement to those who trace statements. It has not been routed yet. */
  traceOf(text: string): StatementTrace {
    const { classifier, database, name } = this.#options;
    const { kind, tables, origin } = classifier.classify(text);
    const trace = {
      dataSource: name,
      kind,
      tables: tables ?? null,
      get text() {
        return origin?.pattern?.text ?? database.patternOf(text);
      },
      request: this.contexts.ofStatement()?.request.number ?? null,
      attempts: [],
      usesLane: false,
    };
    return traceIn(this.tracing, trace);
  }

  /** Throws an `UnboundTransactionError` if the text would leave a transaction open. */
  assertLeavesNoTransaction(text: string): void {
    if (this.#options.classifier.classify(text).transaction === 'begin') throw new UnboundTransactionError();
  }

  /** The owner of whatever the caller's statements leave on a connection. */
  get stateOwner(): object {
    return this.contexts.surrounding()?.request ?? OUTSIDE_OWNER;
  }

  /** The pools of all current nodes. */
  get nodePools(): readonly NodePool[] {
    return [...this.#options.pools.values()];
  }

  pool(node: string): NodePool {
    const pool = this.#options.pools.get(node);
    if (pool === undefined) throw new RangeError(`there is no node named ${node}`);
    return pool;
  }

  limitMs(node: string): number {
    return this.#options.pools.get(node)?.access.limits.statementMs ?? Infinity;
  }

  get primary(): string {
    return this.finder.primary;
  }

  /** A replica refused the text as a write, so it is a write from now on. Throws if the caller's scope prevents writes. */
  refused(node: string, read: Statement, text: string): Statement {
    const write = this.#options.classifier.rememberAsWrite(text);
    this.reports.refused(node, read);
    this.#assertAllowed(write);
    return write;
  }

  /** If a whole server is gone, a text that some node has answered before is hardly the reason. */
  async isCleared(node: string, text: string, sinceMs: number): Promise<boolean> {
    const { database, pools } = this.#options;
    const fate = await pools.get(node)?.losses.fateSince(sinceMs);
    if (fate !== 'gone' || database.mayEndServer?.(text) === true) return fate === 'well';
    return [...pools.values()].some((pool) => pool.hasAnswered(text));
  }

  /** Whether another replica has a connection to spare. */
  readonly isBetterElsewhere = (node: string): boolean => {
    const { monitor, pools } = this.#options;
    return monitor.topology.replicas.some(
      (other) => other.name !== node && mayServe(other) && pools.get(other.name)?.hasRoom === true,
    );
  };

  /** If the options limit how many reads fall back on the primary at once, each of them waits for its turn. */
  enter({ node, reason }: Route): (() => void) | Promise<() => void> {
    if (this.#fallback === undefined || !isFallback(reason) || node !== this.primary) return nothing;
    return this.#enterInTurn(this.#fallback, reason);
  }

  async #enterInTurn(gate: FallbackGate, reason: NoReplicaError['reason']): Promise<() => void> {
    const leave = await gate.enter();
    if (leave === undefined) throw this.finder.noReplica(reason, gate.state);
    return leave;
  }
}

const nothing = (): void => undefined;
