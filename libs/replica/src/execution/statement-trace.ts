import { tracingChannel } from 'node:diagnostics_channel';
import type { StatementEvent } from '../routing/statement-event.js';
import type { StatementKind } from '../routing/route-query.js';
import type { Tracing } from '../observability/tracing.js';
import { codeOf } from '../errors/describe-error.js';
import { isError } from '../errors/is-error.js';

/** The property of a traced statement that holds its router's `Tracing`. Names of data sources need not be unique in a process. */
export const TRACING = Symbol('nestjs-replica tracing');

/**
 * What subscribers of `tracingChannel('nestjs-replica:statement')` get. The same object comes with each event of a statement: `start` and
 * `end` around the call, `asyncStart` and `asyncEnd` around its answer, `error` before those if it failed.
 *
 * It holds no literal, no parameter, no row and no message of an error, since any of these may be a secret.
 */
export interface TracedStatement {
  /** The option `name` of the data source. */
  readonly dataSource: string;
  readonly kind: StatementKind;
  /** The tables that a read names; `null`: it is no read, or nobody knows. */
  readonly tables: readonly string[] | null;
  /** The SQL with `?` in place of each literal and parameter. It is made when it is first asked for. */
  readonly text: string;
  /** The number of the request to which it belongs, as in `StatementEvent`; `null`: none. */
  readonly request: number | null;
  /** Its attempts so far. The last one is final once the statement has ended, unless it was refused before it was routed. */
  readonly attempts: readonly StatementEvent[];
  /** Whether its last attempt shared a connection with other reads (a lane). */
  readonly usesLane: boolean;
  /** Why it failed. Absent before, and if it succeeded. */
  readonly error?: { readonly name: string; readonly code: string };
}

/** The same, while the statement runs. */
export interface StatementTrace extends TracedStatement {
  readonly [TRACING]: Tracing;
  readonly attempts: StatementEvent[];
  usesLane: boolean;
  error?: { readonly name: string; readonly code: string };
}

/** The trace of a statement of the router that has this `Tracing`. Copies and comparisons leave that out. */
export function traceIn(tracing: Tracing, trace: Omit<StatementTrace, typeof TRACING>): StatementTrace {
  return Object.defineProperty(trace, TRACING, { value: tracing }) as StatementTrace;
}

const CHANNEL = tracingChannel<StatementTrace, StatementTrace>('nestjs-replica:statement');

/** Whether anybody wants to know of statements. Hot path: nothing is made for them otherwise. */
export function isTraced(): boolean {
  return CHANNEL.hasSubscribers;
}

/**
 * Runs a statement and tells the subscribers. Whatever they have bound to the channel's `start` holds for all that `run` begins, and not
 * for the caller. Nobody but the caller waits for the answer that is returned, so that stack traces lead to the caller.
 */
export function traced<T>(trace: StatementTrace, run: () => Promise<T>): Promise<T> {
  const answer = CHANNEL.start.runStores(trace, run);
  CHANNEL.end.publish(trace);
  answer.then(
    () => ended(trace),
    (error: unknown) => {
      trace.error = { name: isError(error) ? error.name : typeof error, code: codeOf(error) ?? 'unknown' };
      CHANNEL.error.publish(trace);
      ended(trace);
    },
  );
  return answer;
}

function ended(trace: StatementTrace): void {
  CHANNEL.asyncStart.publish(trace);
  CHANNEL.asyncEnd.publish(trace);
}
