import { OpenWrite } from '../../context/open-write.js';
import { CommitOutcomeUnknownError } from '../../errors/commit-outcome-unknown.error.js';
import { NodeUnavailableError } from '../../errors/node-unavailable.error.js';
import type { Route } from '../../routing/route.js';
import type { Answer, StatementCall } from '../database.js';
import type { NodePool } from '../pools/node-pool.js';
import type { BetterElsewhere } from '../pools/wait-queue.js';
import type { AttemptedStatement, AttemptTools } from './attempt-tools.js';
import { Attempts } from './attempts.js';
import type { StatementReports } from './statement-reports.js';

/** What a {@link PooledRead} needs. */
export interface PooledReadTools extends AttemptTools {
  readonly reports: StatementReports;
  pool(node: string): NodePool;
  readonly isBetterElsewhere: BetterElsewhere;
}

/** A read, and how to report its answer. */
interface AttemptedRead extends AttemptedStatement {
  readonly call: StatementCall;
  /** Called with the node that answered the read. Not called if the read fails. */
  readonly ended: (node: string) => void;
}

/**
 * A read outside a transaction. It borrows a connection from a node's pool until it is answered, or shares one with other reads.
 * If a replica refuses it as a write, it runs as a write on the primary.
 */
export class PooledRead extends Attempts<Answer> {
  readonly #tools: PooledReadTools;
  readonly #read: AttemptedRead;

  constructor(tools: PooledReadTools, read: AttemptedRead) {
    super(tools, read);
    this.#tools = tools;
    this.#read = read;
  }

  protected override runOn(route: Route): Promise<Answer> {
    if (this.statement.kind !== 'read') return this.#runAsWrite(route);
    const { call } = this.#read;
    const better = this.mayLeave(route) ? this.#tools.isBetterElsewhere : undefined;
    const pool = this.#tools.pool(route.node);
    const { trace } = this;
    if (trace !== undefined) trace.usesLane = false;
    return this.isSuspect ? pool.run(call.args, better) : pool.read(call, better, trace);
  }

  protected override answered(_: Answer, route: Route, startedMs: number): void {
    const { statement, attempt, scope, trace } = this;
    this.#tools.reports.answered({ scope, route, statement, startedMs, attempt, trace });
    if (statement.kind === 'read') this.#read.ended(route.node);
  }

  protected override gaveUp(error: unknown, route: Route | undefined): void {
    const { errors, reports } = this.#tools;
    if (route !== undefined && this.statement.kind === 'read' && errors.isAnswer(error))
      reports.shown(this.scope, route);
  }

  async #runAsWrite({ node }: Route): Promise<Answer> {
    const { errors } = this.#tools;
    const write = new OpenWrite(this.scope?.request);
    try {
      const answer = await this.#tools.pool(node).run(this.#read.call.args);
      write.happened();
      return answer;
    } catch (error) {
      const isUnknown = errors.isConnectionLoss(error) && !(error instanceof NodeUnavailableError);
      if (isUnknown) write.lost();
      else if (errors.isAnswer(error)) write.happened();
      else write.abandoned();
      throw isUnknown ? new CommitOutcomeUnknownError(node, 'statement', error) : error;
    }
  }
}
