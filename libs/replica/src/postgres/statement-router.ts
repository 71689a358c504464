import type pg from 'pg';
import type { ContextStorage, Scope } from '../context/context-storage.js';
import { isWrite } from '../routing/decide-route.js';
import type { Route } from '../routing/route.js';
import type { NodePool } from './node-pool.js';
import { RouteFinder, type RouteConditions, type RouteFinderOptions } from './route-finder.js';
import { runRead, type ReadTools } from './run-read.js';
import { StatementReports, type StatementReportOptions } from './statement-reports.js';
import type { Statement } from './statements/index.js';
import { WritePreventedError } from './write-prevented.error.js';

/** What a {@link StatementRouter} works with. */
export interface StatementRouterOptions extends RouteFinderOptions, StatementReportOptions {
  readonly pools: ReadonlyMap<string, NodePool>;
  readonly contexts: ContextStorage;
}

/** Puts together the decision, the pools and the request: where each statement runs, and again elsewhere on failure. */
export class StatementRouter {
  readonly contexts: ContextStorage;
  /** Who learns what came of a statement. */
  readonly reports: StatementReports;
  readonly #options: StatementRouterOptions;
  readonly #finder: RouteFinder;
  readonly #readTools: ReadTools;

  constructor(options: StatementRouterOptions) {
    this.#options = options;
    this.contexts = options.contexts;
    this.reports = new StatementReports(options);
    this.#finder = new RouteFinder(options, (node) => this.pool(node).load);
    this.#readTools = {
      contexts: options.contexts,
      finder: this.#finder,
      reports: this.reports,
      classifier: options.classifier,
      pool: (node) => this.pool(node),
      assertAllowed: (statement) => this.assertAllowed(statement),
      nowMs: options.nowMs,
    };
  }

  classify(text: string): Statement {
    const statement = this.#options.classifier.classify(text);
    if (this.#options.classifier.needsCatalog) this.#options.onCatalogStale();
    return statement;
  }

  /** Throws a `WritePreventedError` where the scope around the caller prevents writes. */
  assertAllowed(statement: Statement): void {
    if (isWrite(statement.kind) && this.contexts.current()?.intent.preventWrites === true) {
      throw new WritePreventedError(statement.kind, statement.because);
    }
  }

  nowMs(): number {
    return this.#options.nowMs();
  }

  pool(node: string): NodePool {
    const pool = this.#options.pools.get(node);
    if (pool === undefined) throw new RangeError(`there is no node named ${node}`);
    return pool;
  }

  get primary(): string {
    return this.#finder.primary;
  }

  /** Where the statement goes; waits only for the session's state, or for a replica to catch up if asked to. */
  route(
    statement: Statement,
    scope: Scope | undefined,
    conditions: RouteConditions,
    failed: readonly string[] = [],
  ): Route | Promise<Route> {
    return this.#finder.find(statement, scope, { conditions, failed });
  }

  /** Runs a read outside any transaction: on the node that the rule chooses, on failure elsewhere, in the end on the primary. */
  read(args: readonly unknown[], text: string, statement: Statement): Promise<pg.QueryResult> {
    return runRead(this.#readTools, { args, text, statement });
  }
}
