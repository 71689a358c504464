import { familyOf } from '../../options/database-type.js';
import { auditReport, type AuditReport, type Load } from '../audit/audit-report.js';
import { readStatistics } from '../audit/read-statistics.js';
import { ExitCode } from '../exit-code.js';
import { loadClassifier } from '../load-classifier.js';
import { withConnection } from '../node-connection.js';
import type { CommonOptions } from '../command-options.js';
import { openSource } from '../source.js';
import { paintFor, type Paint, type Terminal } from '../terminal.js';
import { textTable } from '../text-table.js';
import { formatCount, formatMs, formatShare } from '../units.js';
import { Verdicts } from '../verdict.js';

interface AuditOptions extends CommonOptions {
  /** How many single statements to show. */
  readonly top: number;
}

/** The least room for a text of a statement; columns. */
const MIN_TEXT_COLUMNS = 60;

/** Tells how much of the primary's load may leave it, and why not the rest. */
export async function audit(options: AuditOptions, terminal: Terminal): Promise<ExitCode> {
  const source = await openSource(options, terminal);
  const { database, primary } = source;
  const report = await withConnection(
    { database, node: primary, timeoutMs: options.timeout },
    async (query) => {
      const statistics = await readStatistics(familyOf(source.options.type), query);
      const { classifier, suspects } = await loadClassifier(database, query);
      const verdicts = new Verdicts(database, source.options);
      const patternOf = (text: string): string => database.patternOf(text);
      return auditReport(statistics, { classifier, patternOf, verdicts, suspects, top: options.top });
    },
  );
  terminal.out(
    options.json === true
      ? `${JSON.stringify(report)}\n`
      : textOf(report, { paint: paintFor(terminal), columns: terminal.columns }),
  );
  return ExitCode.ok;
}

function textOf(
  report: AuditReport,
  { paint, columns }: { readonly paint: Paint; readonly columns: number },
): string {
  const { all, mayLeave, stays, top, source, since } = report;
  const notes = notesOf(report).map((note) => `${note}\n`);
  if (all.calls === 0) return [`${source} shows no statement of this database yet.\n`, ...notes].join('');
  const [calls, time] = sharesOf(mayLeave, all);
  const parts = [
    `${paint('bold', `${calls} of calls, ${time} of time may leave the primary`)}\n` +
      `(${formatCount(all.calls)} calls, ${formatMs(all.totalMs)}, ${source}${since === null ? '' : ` since ${since}`})\n`,
  ];
  if (stays.length > 0)
    parts.push(
      textTable(
        ['STAYS BECAUSE', 'CALLS', 'TIME'],
        stays.map((load) => [load.reason, ...sharesOf(load, all)]),
      ),
    );
  if (top.length > 0) {
    const width = Math.max(MIN_TEXT_COLUMNS, columns - MIN_TEXT_COLUMNS);
    parts.push(
      textTable(
        ['TIME', 'CALLS', 'WHY IT STAYS', 'STATEMENT'],
        top.map(({ text, why, ...load }) => [
          formatShare(load.totalMs, all.totalMs),
          formatCount(load.calls),
          why,
          cut(text, width),
        ]),
      ),
    );
  }
  return [...parts, notes.join('')].filter((part) => part !== '').join('\n');
}

function sharesOf(part: Load, all: Load): [string, string] {
  return [formatShare(part.calls, all.calls), formatShare(part.totalMs, all.totalMs)];
}

function notesOf({ transactions, keepsAllOnPrimary, notes }: AuditReport): readonly string[] {
  return [
    ...(keepsAllOnPrimary.length > 0
      ? [`Every read of this database stays on the primary: ${keepsAllOnPrimary.join('; ')}`]
      : []),
    ...(transactions > 0
      ? [
          `${formatCount(transactions)} transactions were begun. What is read inside them stays as well, and the server does not count it apart.`,
        ]
      : []),
    ...notes.map((note) => `Note: ${note}.`),
  ];
}

function cut(text: string, columns: number): string {
  return text.length > columns ? `${text.slice(0, columns - 4)} ...` : text;
}
