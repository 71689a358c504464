import { isPromise } from 'node:util/types';
import type { DataSource } from 'typeorm';
import type { LogSink, OperatorLog } from '../engine/operator-log.js';
import { messageOf } from '../errors/describe-error.js';

/**
 * Writes to the logger of a data source. The logger exists once TypeORM has made the data source, and it may be
 * replaced. It is anybody's code, and an error here would end a loop or the process, so errors of the logger are
 * dropped.
 */
export class TypeOrmLog implements LogSink {
  #dataSource: Pick<DataSource, 'logger'> | undefined;

  /** Uses the current logger of this data source from now on. Earlier lines are lost. */
  writeBy(dataSource: Pick<DataSource, 'logger'>): void {
    this.#dataSource = dataSource;
  }

  log(message: string): void {
    this.write('info', `[nestjs-replica] ${message}`);
  }

  warn(message: string): void {
    this.write('warn', `[nestjs-replica] ${message}`);
  }

  /** TypeORM's logger has no level for errors other than those of queries. */
  error(message: string): void {
    this.warn(message);
  }

  /** Writes the line as it is. */
  write(level: 'info' | 'warn', line: string): void {
    try {
      const told: unknown = this.#dataSource?.logger.log(level, line);
      if (isPromise(told)) told.catch(() => undefined);
    } catch {
      // There is nobody left to tell.
    }
  }
}

/**
 * Tells TypeORM's `poolErrorHandler` of an error. This runs inside an event of a socket, where an error of the
 * handler would end the process.
 */
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
