import { expect } from '@jest/globals';
import type { LoggerService } from '@nestjs/common';
import type { PostgresCluster } from 'nestjs-replica/testing';
import { inspect } from 'node:util';
import type { Logger } from 'typeorm';

/** Everything that Nest and TypeORM were given to log, in order, as text with all that hangs on it. */
export class CapturedLogs implements LoggerService, Logger {
  readonly lines: string[] = [];

  log(...args: any[]): void {
    this.#add('log', args);
  }
  error(...args: any[]): void {
    this.#add('error', args);
  }
  warn(...args: any[]): void {
    this.#add('warn', args);
  }
  fatal(...args: any[]): void {
    this.#add('fatal', args);
  }
  logQuery(query: string, parameters?: unknown[]): void {
    this.#add('query', [query, parameters]);
  }
  logQueryError(error: string | Error, query: string, parameters?: unknown[]): void {
    this.#add('query error', [error, query, parameters]);
  }
  logQuerySlow(time: number, query: string, parameters?: unknown[]): void {
    this.#add('slow query', [time, query, parameters]);
  }
  logSchemaBuild(message: string): void {
    this.#add('schema', [message]);
  }
  logMigration(message: string): void {
    this.#add('migration', [message]);
  }

  /** The lines of one kind: `log`, `warn`, `query`, `slow query`, ... */
  of(kind: string): string[] {
    return this.lines
      .filter((line) => line.startsWith(`${kind}: `))
      .map((line) => line.slice(kind.length + 2));
  }

  #add(kind: string, args: unknown[]): void {
    this.lines.push(`${kind}: ${args.map((arg) => (typeof arg === 'string' ? arg : textOf(arg))).join(' ')}`);
  }
}

/** A value with all its properties and causes, hidden ones too, as text. */
export function textOf(value: unknown): string {
  return inspect(value, { depth: 8, showHidden: true, maxStringLength: null, maxArrayLength: null });
}

/** Neither the password nor a URL with it stands in any of these. */
export function expectNoCredential(cluster: PostgresCluster, ...texts: readonly string[]): void {
  const told = texts.filter((text) => cluster.nodes.some(({ password }) => text.includes(password)));
  expect(told).toEqual([]);
}
