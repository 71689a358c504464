import type pg from 'pg';
import type { ContextStorage, Scope } from '../context/context-storage.js';
import { OpenWrite } from '../context/open-write.js';
import type { Route } from '../routing/route.js';
import {
  isConnectionLoss,
  isReadOnlyViolation,
  isWorthAnotherNode,
  mayWorkOnPrimary,
} from './postgres-errors.js';
import type { RouteFinder } from './route-finder.js';
import type { NodePool } from './node-pool.js';
import type { StatementReports } from './statement-reports.js';
import type { Statement, StatementClassifier } from './statements/index.js';

/** So many replicas are asked for one read; then the primary. */
const MAX_REPLICAS_PER_READ = 2;

/** What {@link runRead} works with. */
export interface ReadTools {
  readonly contexts: ContextStorage;
  readonly finder: RouteFinder;
  readonly reports: StatementReports;
  readonly classifier: StatementClassifier;
  readonly pool: (node: string) => NodePool;
  /** Throws where the scope around the caller prevents such a statement. */
  readonly assertAllowed: (statement: Statement) => void;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
}

/** A read as it was given. */
export interface GivenRead {
  readonly args: readonly unknown[];
  readonly text: string;
  readonly statement: Statement;
}

/** Runs a read outside any transaction: on the node that the rule chooses, on failure elsewhere, in the end on the primary. */
export async function runRead(tools: ReadTools, read: GivenRead): Promise<pg.QueryResult> {
  const { finder, reports, classifier } = tools;
  const { args, statement } = read;
  const scope = tools.contexts.current();
  const failed: string[] = [];
  let refused = false;
  for (;;) {
    const route: Route = refused
      ? finder.toPrimary('refused-by-replica')
      : failed.length >= MAX_REPLICAS_PER_READ
        ? finder.afterReplicas()
        : await finder.find(statement, scope, { conditions: { primaryRunner: false }, failed });
    const startedMs = tools.nowMs();
    try {
      const result = await tools.pool(route.node).run(args);
      reports.answered(scope, route, statement, startedMs);
      return result;
    } catch (error) {
      reports.failed(route, statement, startedMs, error);
      if (route.node === finder.primary) throw error;
      if (isReadOnlyViolation(error)) {
        classifier.rememberAsWrite(read.text);
        return runRefused(tools, args, scope);
      }
      if (mayWorkOnPrimary(error)) refused = true;
      else if (isWorthAnotherNode(error)) failed.push(route.node);
      else throw error;
    }
  }
}

const REFUSED: Statement = Object.freeze({
  kind: 'write',
  mayWrite: true,
  keepsConnection: false,
  changesCatalog: false,
});

/** A replica refused it: it writes after all. */
async function runRefused(
  { finder, reports, pool, assertAllowed, nowMs }: ReadTools,
  args: readonly unknown[],
  scope: Scope | undefined,
): Promise<pg.QueryResult> {
  const route = finder.toPrimary('refused-by-replica');
  const startedMs = nowMs();
  assertAllowed(REFUSED);
  const write = new OpenWrite(scope?.request);
  try {
    const result = await pool(route.node).run(args);
    reports.answered(scope, route, REFUSED, startedMs);
    write.happened();
    return result;
  } catch (error) {
    if (isConnectionLoss(error)) write.lost();
    else write.happened();
    reports.failed(route, REFUSED, startedMs, error);
    throw error;
  }
}
