import { lineOf, type RecordedStatement, type RouteRecording } from './route-recording.js';

/** What a matcher tells Jest or Vitest. */
export interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

/** Which statements a matcher looks at. */
export interface StatementFilter {
  /** Only statements that name this table. A name without a schema stands for that table in any schema. */
  readonly table?: string;
}

/** The matchers as `expect(recordRoutes(app))` has them. `R`: what a matcher returns. */
export interface RouteMatchers<R = void> {
  /** Some read ran there: on a `'replica'`, on the `'primary'`, or on the node of that name. */
  toHaveReadFrom(where: string, filter?: StatementFilter): R;
  /** Some statement went where it went for this reason. */
  toHaveReason(reason: string, filter?: StatementFilter): R;
  /** There were reads, and each ran on a replica, apart from those with one of the reasons in `except`. */
  toStayOffPrimary(options?: StatementFilter & { readonly except?: readonly string[] }): R;
  /** Some statement wrote. */
  toHaveWritten(): R;
}

/** For `expect.extend()` of Jest and of Vitest. Each expects what `recordRoutes()` gives. */
export const routeMatchers = {
  toHaveReadFrom(recording: unknown, where: string, filter: StatementFilter = {}): MatcherResult {
    const reads = statementsOf(recording, 'toHaveReadFrom', filter).filter(isRead);
    const found = reads.filter(({ node, role }) => role === where || node === where);
    return result(recording, `a read${ofTable(filter)} from ${where}`, found);
  },

  toHaveReason(recording: unknown, reason: string, filter: StatementFilter = {}): MatcherResult {
    const found = statementsOf(recording, 'toHaveReason', filter).filter((one) => one.reason === reason);
    return result(recording, `a statement${ofTable(filter)} with the reason ${reason}`, found);
  },

  toStayOffPrimary(
    recording: unknown,
    { except = [], ...filter }: StatementFilter & { readonly except?: readonly string[] } = {},
  ): MatcherResult {
    const reads = statementsOf(recording, 'toStayOffPrimary', filter).filter(isRead);
    const others = reads.filter(({ role, reason }) => role !== 'replica' && !except.includes(reason));
    const exception = except.length === 0 ? '' : `, except for ${except.join(', ')}`;
    const what = `all reads${ofTable(filter)} on replicas${exception}`;
    if (reads.length === 0)
      return { pass: false, message: () => `expected ${what}, but there was no read${told(recording)}` };
    return {
      pass: others.length === 0,
      message: () =>
        others.length === 0
          ? `expected some read${ofTable(filter)} that did not run on a replica${told(recording)}`
          : `expected ${what}, but these ran elsewhere:\n${listed(others)}${told(recording)}`,
    };
  },

  toHaveWritten(recording: unknown): MatcherResult {
    const found = statementsOf(recording, 'toHaveWritten', {}).filter(({ kind }) => kind === 'write');
    return result(recording, 'a write', found);
  },
};

function isRead({ kind }: RecordedStatement): boolean {
  return kind === 'read';
}

function statementsOf(
  recording: unknown,
  matcher: string,
  { table }: StatementFilter,
): readonly RecordedStatement[] {
  if (!isRecording(recording))
    throw new TypeError(
      `${matcher}() needs what recordRoutes() gives: expect(recordRoutes(app)).${matcher}()`,
    );
  const { statements } = recording;
  return table === undefined
    ? statements
    : statements.filter(({ tables }) => tables?.some((name) => isTable(name, table)) === true);
}

/** The message also serves `.not`, where a matcher that passes is the failure. */
function result(recording: unknown, what: string, found: readonly RecordedStatement[]): MatcherResult {
  const pass = found.length > 0;
  return {
    pass,
    message: () =>
      pass
        ? `expected no ${what.replace(/^an? /, '')}, but there was:\n${listed(found)}${told(recording)}`
        : `expected ${what}${told(recording)}`,
  };
}

function isTable(name: string, asked: string): boolean {
  return name === asked || (!asked.includes('.') && name.endsWith(`.${asked}`));
}

/** A recording may come from another copy of this package: one for `import`, one for `require`. */
function isRecording(value: unknown): value is RouteRecording {
  const { statements, transcript } = Object(value) as Partial<RouteRecording>;
  return Array.isArray(statements) && typeof transcript === 'function';
}

function ofTable({ table }: StatementFilter): string {
  return table === undefined ? '' : ` of ${table}`;
}

function listed(statements: readonly RecordedStatement[]): string {
  return statements.map((statement) => `  ${lineOf(statement)} (${statement.node ?? 'nowhere'})`).join('\n');
}

function told(recording: unknown): string {
  const transcript = (recording as RouteRecording).transcript();
  return transcript === '' ? '\n\nNo statement was recorded.' : `\n\nRecorded:\n\n${transcript}`;
}
