import type { Statement } from '../../execution/statements/statement.js';
import type { Database } from '../../execution/database.js';
import { MysqlDatabase } from '../../mysql/database.js';
import { PostgresDatabase } from '../../postgres/database.js';
import { type DatabaseType, familyOf, MYSQL } from '../../options/database-type.js';
import type { StatementKind } from '../../routing/route-query.js';
import type { PrimaryReason } from '../../routing/route.js';
import { ExitCode } from '../exit-code.js';
import { loadClassifier } from '../load-classifier.js';
import { withConnection } from '../node-connection.js';
import type { CommonOptions } from '../command-options.js';
import { openSource, typeOfUrl } from '../source.js';
import { paintFor, type Terminal } from '../terminal.js';
import { Verdicts } from '../verdict.js';

interface ExplainOptions extends CommonOptions {
  readonly type?: DatabaseType;
}

/** What the command prints with `--json`. */
interface StatementExplanation {
  readonly kind: StatementKind;
  /** Whether the router may send it to a replica, in a request and at a time when nothing else speaks against it. */
  readonly mayLeavePrimary: boolean;
  /** Why it stays on the primary, as in events and headers; `null` if it may leave. */
  readonly reason: PrimaryReason | null;
  /** The same in words. */
  readonly why: string | null;
  /** The tables that it names; `null`: nobody knows for sure. */
  readonly tables: readonly string[] | null;
  /** What these rest on, according to the catalog: tables behind views, parents and children. */
  readonly restsOn: readonly string[];
  /** Where a rule of the option `tables` sends it. */
  readonly rule: string | null;
  /** Whose functions and tables were known. */
  readonly catalog: 'built-in' | 'database';
  /** It names something that this catalog does not know. */
  readonly needsCatalog: boolean;
  /** What keeps every read on the primary in this database. */
  readonly keepsAllOnPrimary: readonly string[];
}

/** Tells what the router makes of a text. */
export async function explain(sql: string, options: ExplainOptions, terminal: Terminal): Promise<ExitCode> {
  const isOnline = options.primary !== undefined || options.dataSource !== undefined;
  const explanation = isOnline
    ? await explainByCatalog(sql, options, terminal)
    : explainOffline(sql, options.type ?? typeOfUrl(terminal.env['DATABASE_URL']));
  terminal.out(options.json === true ? `${JSON.stringify(explanation)}\n` : textOf(explanation, terminal));
  return ExitCode.ok;
}

function explainOffline(sql: string, type: DatabaseType): StatementExplanation {
  const database = databaseWithoutDriver(type);
  const statement = database.createClassifier().classify(sql);
  return explanationOf(statement, { verdicts: new Verdicts(database), catalog: 'built-in', suspects: [] });
}

/** Reads texts without any driver: it cannot connect. */
function databaseWithoutDriver(type: DatabaseType): Database {
  const settings = { connectTimeoutMs: 1, onIdleError: () => undefined };
  return familyOf(type) === MYSQL
    ? new MysqlDatabase({ ...settings, connection: {} })
    : new PostgresDatabase({ ...settings, extra: {} });
}

async function explainByCatalog(
  sql: string,
  options: ExplainOptions,
  terminal: Terminal,
): Promise<StatementExplanation> {
  const source = await openSource(options, terminal);
  const { database, primary } = source;
  const { classifier, suspects } = await withConnection(
    { database, node: primary, timeoutMs: options.timeout },
    (query) => loadClassifier(database, query),
  );
  const statement = classifier.classify(sql);
  return explanationOf(statement, {
    verdicts: new Verdicts(database, source.options),
    catalog: 'database',
    suspects,
  });
}

function explanationOf(
  statement: Statement,
  {
    verdicts,
    catalog,
    suspects,
  }: {
    readonly verdicts: Verdicts;
    readonly catalog: StatementExplanation['catalog'];
    readonly suspects: readonly string[];
  },
): StatementExplanation {
  const { mayLeave, reason, why, rule } = verdicts.of(statement);
  return {
    kind: statement.kind,
    mayLeavePrimary: mayLeave,
    reason,
    why,
    tables: statement.tables ?? null,
    restsOn: [...new Set((statement.restsOn ?? []).flat())],
    rule,
    catalog,
    needsCatalog: statement.needsCatalog === true,
    keepsAllOnPrimary: suspects,
  };
}

function textOf(explanation: StatementExplanation, terminal: Terminal): string {
  const { kind, mayLeavePrimary, reason, why, tables, restsOn, rule, needsCatalog } = explanation;
  const paint = paintFor(terminal);
  const lines: [string, string][] = [
    ['kind', kind],
    ['runs on', mayLeavePrimary ? paint('green', 'any node') : paint('yellow', 'the primary')],
  ];
  if (why !== null) lines.push(['because', why === reason ? why : `${why} (${reason})`]);
  if (tables !== null) lines.push(['tables', tables.join(', ') || 'none']);
  else if (kind === 'read') lines.push(['tables', 'unknown: it calls a function that may read any']);
  if (restsOn.length > 0) lines.push(['which rest on', restsOn.join(', ')]);
  if (rule !== null && mayLeavePrimary) lines.push(['rule', `option tables sends it to ${rule}`]);
  const width = Math.max(...lines.map(([name]) => name.length));
  const hints = hintsOf(explanation);
  if (needsCatalog && explanation.catalog === 'database')
    hints.push('It names something that the database does not have (yet).');
  return [
    ...lines.map(([name, value]) => `${name.padEnd(width)}  ${value}`),
    ...hints.map((hint) => paint('dim', hint)),
    '',
  ].join('\n');
}

function hintsOf({
  kind,
  catalog,
  needsCatalog,
  keepsAllOnPrimary,
  mayLeavePrimary,
}: StatementExplanation): string[] {
  if (keepsAllOnPrimary.length > 0)
    return [`Every read of this database stays on the primary: ${keepsAllOnPrimary.join('; ')}`];
  if (catalog === 'built-in' && (kind === 'read' || needsCatalog))
    return [
      'The catalog was not asked: give --primary or -d, so that your own functions, views and tables are known.',
    ];
  return mayLeavePrimary
    ? [
        'Inside a transaction, under POST and the like, and after a write of the same session it may stay on the primary.',
      ]
    : [];
}
