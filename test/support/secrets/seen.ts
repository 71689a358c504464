import type { DataSourceRouter, LogSink, RouterEvents } from 'nestjs-replica';
import { inspect } from 'node:util';
import type { Logger } from 'typeorm';

/** All that can be seen of a value: thrown, logged, inspected, turned into JSON. */
export function everythingOf(value: unknown): string {
  const seen = [
    inspect(value, { depth: null, showHidden: true, maxStringLength: null, maxArrayLength: null }),
    structuredOf(value),
  ];
  if (value instanceof Error) seen.push(value.message, String(value.stack), everythingOf(value.cause));
  try {
    seen.push(JSON.stringify(value) ?? '');
  } catch {
    // A circle: nothing is shown so.
  }
  return seen.join('\n');
}

/** What structured loggers such as pino write of an object: its own enumerable properties, each as JSON, circles left out. */
export function structuredOf(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '';
  const shown = new Set<unknown>();
  const replace = (_: string, one: unknown): unknown => {
    if (typeof one === 'bigint') return String(one);
    if (typeof one !== 'object' || one === null) return one;
    if (shown.has(one)) return '[Circular]';
    shown.add(one);
    return one;
  };
  return Object.entries(value)
    .map(([key, one]) => `${key}: ${JSON.stringify(one, replace)}`)
    .join('\n');
}

const EVENTS: { readonly [E in keyof RouterEvents]: true } = {
  statement: true,
  'statement:refused': true,
  'node:down': true,
  'node:up': true,
  'lag:high': true,
  'lag:ok': true,
  'topology:changed': true,
  'primary:changed': true,
  'primary:conflict': true,
  'node:foreign': true,
  'visibility:missed': true,
  'durability:downgraded': true,
};

/** What a router emits from now on, of every event there is: a list that grows. */
export function everyEvent(router: DataSourceRouter): readonly unknown[] {
  const heard: unknown[] = [];
  for (const event of Object.keys(EVENTS) as (keyof RouterEvents)[]) {
    router.on(event, (told: unknown) => void heard.push({ event, told }));
  }
  return heard;
}

/** Loggers, ours and TypeORM's, that keep what they are given, whatever it is. */
export function keepLines(): { lines: string[]; sink: LogSink; logger: Logger } {
  const lines: string[] = [];
  // TypeORM also gives its query runner, from which all of TypeORM can be reached: that is looked at elsewhere.
  const keep = (...told: unknown[]): void =>
    void lines.push(...told.filter((one) => !isQueryRunner(one)).map(everythingOf));
  return {
    lines,
    sink: { log: keep, warn: keep, error: keep },
    logger: {
      log: keep,
      logQuery: keep,
      logQueryError: keep,
      logQuerySlow: keep,
      logSchemaBuild: keep,
      logMigration: keep,
    },
  };
}

function isQueryRunner(one: unknown): boolean {
  return typeof one === 'object' && one !== null && 'isTransactionActive' in one;
}
