import { isPromise } from 'node:util/types';
import type { Logger } from 'typeorm';
import { messageOf } from '../errors/describe-error.js';
import type { OperatorLog } from '../engine/operator-log.js';

/**
 * Tells the application's logger a line. That is anybody's code, and it is told from where an error would end a loop or the process:
 * what it throws is dropped.
 */
export function tellLogger(logger: Logger, level: 'info' | 'warn', line: string): void {
  try {
    const told: unknown = logger.log(level, line);
    if (isPromise(told)) told.catch(() => undefined);
  } catch {
    // There is nobody left to tell.
  }
}

/** Tells TypeORM's `poolErrorHandler` of an error: inside an event of a socket, where what it throws would end the process. */
export function tellErrorHandler(
  handler: (error: unknown) => unknown,
  error: Error,
  log: Pick<OperatorLog, 'warnSeldom'>,
): void {
  const failed = (failure: unknown): void =>
    log.warnSeldom('poolErrorHandler', `poolErrorHandler failed: ${messageOf(failure)}`);
  try {
    const result = handler(error);
    if (isPromise(result)) result.catch(failed);
  } catch (failure) {
    failed(failure);
  }
}
