import { isPromise } from 'node:util/types';
import type { DataSource } from 'typeorm';
import type { LogSink, OperatorLog } from '../engine/operator-log.js';
import { messageOf } from '../errors/describe-error.js';

/**
 * The logger of a data source, which is known when TypeORM has made that, and may be replaced. It is anybody's code, and it is told from
 * where an error would end a loop or the process: what it throws is dropped.
 */
export class TypeOrmLog implements LogSink {
  #dataSource: Pick<DataSource, 'logger'> | undefined;

  /** From now on lines go to the logger that this data source has when they come. Those before are lost. */
  writeBy(dataSource: Pick<DataSource, 'logger'>): void {
    this.#dataSource = dataSource;
  }

  log(message: string): void {
    this.write('info', `[nestjs-replica] ${message}`);
  }

  warn(message: string): void {
    this.write('warn', `[nestjs-replica] ${message}`);
  }

  /** TypeORM's logger has no level for errors that are no query's. */
  error(message: string): void {
    this.warn(message);
  }

  /** The line as it is. */
  write(level: 'info' | 'warn', line: string): void {
    try {
      const told: unknown = this.#dataSource?.logger.log(level, line);
      if (isPromise(told)) told.catch(() => undefined);
    } catch {
      // There is nobody left to tell.
    }
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
