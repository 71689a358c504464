import type pg from 'pg';
import type { ContextStorage } from '../context/context-storage.js';
import { OpenWrite } from '../context/open-write.js';
import type { PrimaryReason, Route } from '../routing/route.js';
import { CommitOutcomeUnknownError } from '../errors/commit-outcome-unknown.error.js';
import { NodeUnavailableError } from '../errors/node-unavailable.error.js';
import type { NodePool } from './node-pool.js';
import { PoolBusyError } from '../errors/pool-busy.error.js';
import { isAnswer, isConnectionLoss, isReadOnlyViolation, mayWorkOnPrimary } from './postgres-errors.js';
import { leadToCaller } from './query-call.js';
import type { StatementReports } from './statement-reports.js';
import type { Statement, StatementClassifier } from './statements/index.js';
import type { BetterElsewhere } from './take-connection.js';
import { Tries, type Tried } from './tries.js';
import { tryNodes, type TryNodesTools } from './try-nodes.js';

/** What {@link runRead} works with. */
export interface ReadTools extends TryNodesTools {
  readonly reports: StatementReports;
  readonly pool: (node: string) => NodePool;
  readonly isBetterElsewhere: BetterElsewhere;
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
  /** It was answered, by this node; not called when it fails. */
  readonly ended: (node: string) => void;
}

/**
 * Runs a read outside any transaction: on the node that the rule chooses, on failure elsewhere, in the end on the primary.
 * What only a replica refuses runs on the primary.
 */
export function runRead(tools: ReadTools, read: GivenRead): Promise<pg.QueryResult> {
  return new ReadRun(tools, read).start();
}

/**
 * One read, on one node after the other. Nearly all of them have nothing to wait for and are answered by the first node:
 * those get by with a single promise beside that of the answer, for each that is made takes time in a request's context.
 */
class ReadRun {
  readonly #tools: ReadTools;
  readonly #read: GivenRead;
  readonly #tried: Tried;
  readonly #tries: Tries;

  constructor(tools: ReadTools, read: GivenRead, anew?: { primaryFor: PrimaryReason; triedBefore: number }) {
    const { statement, text } = read;
    const scope = tools.contexts.ofStatement();
    this.#tools = tools;
    this.#read = read;
    this.#tried = { statement, scope, conditions: { text, primaryRunner: false }, ...anew };
    this.#tries = new Tries(tools, this.#tried);
  }

  start(): Promise<pg.QueryResult> {
    try {
      const next = this.#tries.next();
      return next instanceof Promise
        ? next.then(
            (route) => this.#enter(route),
            (error: unknown) => this.#giveUp(error),
          )
        : this.#enter(next);
    } catch (error) {
      return this.#giveUp(error);
    }
  }

  #enter(route: Route): Promise<pg.QueryResult> {
    const entered = this.#tools.enter(route);
    return entered instanceof Promise
      ? entered.then(
          (leave) => this.#ask(route, leave),
          (error: unknown) => this.#giveUp(error),
        )
      : this.#ask(route, entered);
  }

  #ask(route: Route, leave: () => void): Promise<pg.QueryResult> {
    const { reports, nowMs } = this.#tools;
    const { statement } = this.#read;
    const startedMs = nowMs();
    this.#tries.goesOn();
    return this.#answer(route).then(
      (result) => {
        leave();
        const { attempt } = this.#tries;
        reports.answered(this.#tried.scope, { route, statement, startedMs, attempt });
        this.#read.ended(route.node);
        return result;
      },
      (error: unknown) => {
        leave();
        leadToCaller(error);
        if (!(error instanceof PoolBusyError)) this.#tries.failedTry({ route, startedMs }, error);
        return this.#again(route, error);
      },
    );
  }

  /** Also where it throws at once. */
  #answer(route: Route): Promise<pg.QueryResult> {
    const { pool, isBetterElsewhere } = this.#tools;
    const { args, text } = this.#read;
    try {
      const better = this.#tries.mayLeave(route) ? isBetterElsewhere : undefined;
      return this.#tries.isSuspect
        ? pool(route.node).run(args, better)
        : pool(route.node).read(args, text, better);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  #again(route: Route, error: unknown): Promise<pg.QueryResult> {
    try {
      this.#tries.failed(route, error);
    } catch (final) {
      return this.#onPrimary(route, final);
    }
    return this.start();
  }

  /** What only a replica refuses. Any other error is the answer. */
  #onPrimary(route: Route, error: unknown): Promise<pg.QueryResult> {
    // What may have crashed another replica is not run on the primary.
    const isRefusable =
      !this.#tries.isSuspect &&
      this.#tried.primaryFor === undefined &&
      route.node !== this.#tools.finder.primary;
    if (isRefusable && isReadOnlyViolation(error)) {
      this.#tools.classifier.rememberAsWrite(this.#read.text);
      this.#tools.reports.refused(route.node, this.#read.statement, this.#read.text);
      return this.#asWrite();
    }
    if (isRefusable && mayWorkOnPrimary(error)) {
      this.#tries.goesOn();
      return new ReadRun(this.#tools, this.#read, this.#anew).start();
    }
    if (isAnswer(error)) this.#tools.reports.shown(this.#tried.scope, route);
    return this.#giveUp(error);
  }

  #asWrite(): Promise<pg.QueryResult> {
    try {
      this.#tools.assertAllowed(REFUSED);
    } catch (error) {
      return this.#giveUp(error);
    }
    this.#tries.goesOn();
    return runRefused(this.#tools, this.#read, { ...this.#tried, ...this.#anew, statement: REFUSED });
  }

  get #anew(): { primaryFor: PrimaryReason; triedBefore: number } {
    return { primaryFor: 'refused-by-replica', triedBefore: this.#tries.attempt - 1 };
  }

  #giveUp(error: unknown): Promise<never> {
    this.#tries.ended(error);
    return Promise.reject(error);
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
  { args }: Pick<GivenRead, 'args'>,
  tried: Tried,
): Promise<pg.QueryResult> {
  const { reports, pool, nowMs } = tools;
  const { scope } = tried;
  return tryNodes(tools, tried, async (route, _leave, log) => {
    const startedMs = nowMs();
    const write = new OpenWrite(scope?.request);
    try {
      const result = await pool(route.node).run(args);
      reports.answered(scope, { route, statement: REFUSED, startedMs, attempt: log.attempt });
      write.happened();
      return result;
    } catch (error) {
      leadToCaller(error);
      const isUnknown = isConnectionLoss(error) && !(error instanceof NodeUnavailableError);
      if (isUnknown) write.lost();
      else if (isAnswer(error)) write.happened();
      else write.abandoned();
      const told = isUnknown ? new CommitOutcomeUnknownError(route.node, 'statement', error) : error;
      log.failedTry({ route, startedMs }, told);
      throw told;
    }
  });
}
