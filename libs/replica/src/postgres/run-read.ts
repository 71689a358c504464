import type pg from 'pg';
import type { ContextStorage, Scope } from '../context/context-storage.js';
import { OpenWrite } from '../context/open-write.js';
import type { Route } from '../routing/route.js';
import { CommitOutcomeUnknownError } from './commit-outcome-unknown.error.js';
import { NodeUnavailableError } from './node-unavailable.error.js';
import type { NodePool } from './node-pool.js';
import { isConnectionLoss, isReadOnlyViolation, mayWorkOnPrimary } from './postgres-errors.js';
import type { StatementReports } from './statement-reports.js';
import type { Statement, StatementClassifier } from './statements/index.js';
import type { Tried } from './tries.js';
import { tryNodes, type TryNodesTools } from './try-nodes.js';

/** What {@link runRead} works with. */
export interface ReadTools extends TryNodesTools {
  readonly reports: StatementReports;
  readonly pool: (node: string) => NodePool;
  readonly contexts: ContextStorage;
  readonly classifier: StatementClassifier;
  /** Throws where the scope around the caller prevents such a statement. */
  readonly assertAllowed: (statement: Statement) => void;
}

/** A read as it was given. */
export interface GivenRead {
  readonly args: readonly unknown[];
  readonly text: string;
  readonly statement: Statement;
}

/**
 * Runs a read outside any transaction: on the node that the rule chooses, on failure elsewhere, in the end on the primary.
 * What only a replica refuses runs on the primary.
 */
export async function runRead(
  tools: ReadTools,
  { args, text, statement }: GivenRead,
): Promise<pg.QueryResult> {
  const scope = tools.contexts.current();
  const tried: Tried = { statement, scope, conditions: { text, primaryRunner: false } };
  const last: { route?: Route } = {};
  const attempt = (route: Route, leave: () => void): Promise<pg.QueryResult> => {
    last.route = route;
    return runOnce(tools, { args, text, tried, route }, leave);
  };
  try {
    return await tryNodes(tools, tried, attempt);
  } catch (error) {
    if (last.route === undefined || last.route.node === tools.finder.primary) throw error;
    if (isReadOnlyViolation(error)) {
      tools.classifier.rememberAsWrite(text);
      return runRefused(tools, { args, text }, scope);
    }
    if (!mayWorkOnPrimary(error)) throw error;
    return tryNodes(tools, { ...tried, primaryFor: 'refused-by-replica' }, attempt);
  }
}

async function runOnce(
  { pool, reports, nowMs }: ReadTools,
  { args, text, tried, route }: { args: readonly unknown[]; text: string; tried: Tried; route: Route },
  leave: () => void,
): Promise<pg.QueryResult> {
  const { scope, statement } = tried;
  const startedMs = nowMs();
  try {
    const result = await pool(route.node).read(args, text);
    reports.answered(scope, route, statement, startedMs);
    return result;
  } catch (error) {
    reports.failed(route, statement, startedMs, error);
    throw error;
  } finally {
    leave();
  }
}

const REFUSED: Statement = Object.freeze({
  kind: 'write',
  mayWrite: true,
  keepsConnection: false,
  changesCatalog: false,
});

/** A replica refused it: it writes after all. */
function runRefused(
  tools: ReadTools,
  { args, text }: Pick<GivenRead, 'args' | 'text'>,
  scope: Scope | undefined,
): Promise<pg.QueryResult> {
  const { reports, pool, assertAllowed, nowMs } = tools;
  assertAllowed(REFUSED);
  const tried: Tried = {
    statement: REFUSED,
    scope,
    conditions: { text, primaryRunner: false },
    primaryFor: 'refused-by-replica',
  };
  return tryNodes(tools, tried, async (route) => {
    const startedMs = nowMs();
    const write = new OpenWrite(scope?.request);
    try {
      const result = await pool(route.node).run(args);
      reports.answered(scope, route, REFUSED, startedMs);
      write.happened();
      return result;
    } catch (error) {
      const isSent = !(error instanceof NodeUnavailableError);
      const isUnknown = isSent && isConnectionLoss(error);
      if (isUnknown) write.lost();
      else if (isSent) write.happened();
      else write.abandoned();
      const told = isUnknown ? new CommitOutcomeUnknownError(route.node, 'statement', error) : error;
      reports.failed(route, REFUSED, startedMs, told);
      throw told;
    }
  });
}
