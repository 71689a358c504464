import type { Paint } from '../terminal.js';
import { textTable } from '../text-table.js';
import { formatBytes, formatCount, formatMs, formatReceiver } from '../units.js';
import type { CheckedNode, CheckReport, Finding } from './check-report.js';

const COLOURS = { ok: 'green', warning: 'yellow', critical: 'red' } as const;
const FINDING_COLOURS = { critical: 'red', warning: 'yellow', hint: 'dim' } as const;

/** The report for people. */
export function textReport(report: CheckReport, paint: Paint): string {
  const { status, summary, primary, replicas, findings } = report;
  const rows = [primary, ...replicas].map((node) => rowOf(node, paint));
  const table = textTable(
    ['NODE', 'ROLE', 'ADDRESS', 'STATE', 'SYNC', 'TL', 'POSITION', 'BEHIND', 'LAG', 'CONNECTIONS'],
    rows,
  );
  const lines = findings.map(
    (finding) => `${paint(FINDING_COLOURS[finding.level], finding.level)}: ${lineOf(finding)}\n`,
  );
  const title = `${paint(COLOURS[status], status.toUpperCase())}: ${summary}\n`;
  return [title, table, ...(lines.length > 0 ? [lines.join('')] : [])].join('\n');
}

/**
 * The report as the Monitoring Plugins guidelines want it: one line with performance data behind a bar, then more lines.
 * https://www.monitoring-plugins.org/doc/guidelines.html#PLUGOUTPUT
 */
export function nagiosReport({ status, summary, thresholds, replicas, findings }: CheckReport): string {
  const { warnLagMs, critLagMs, minReplicas } = thresholds;
  const limits = `${warnLagMs / 1_000};${critLagMs / 1_000}`;
  const data = replicas.flatMap(({ name, lagMs, lagBytes, lagTransactions }) => [
    ...(lagMs === null ? [] : [`'lag_${name}'=${lagMs / 1_000}s;${limits};0`]),
    ...(lagBytes === null ? [] : [`'bytes_${name}'=${lagBytes}B;;;0`]),
    ...(lagTransactions === null ? [] : [`'transactions_${name}'=${lagTransactions};;;0`]),
  ]);
  data.push(`'replicas'=${replicas.filter(({ serves }) => serves).length};;${minReplicas}:;0`);
  const more = findings.map((finding) => `${finding.level}: ${lineOf(finding)}`);
  const lines = [`REPLICATION ${status.toUpperCase()} - ${summary}`, ...more].map((line) =>
    // A bar would begin performance data.
    line.replaceAll('|', '/').replaceAll(/\s+/g, ' '),
  );
  const [first = '', ...others] = lines;
  return [`${first} | ${data.join(' ')}`, ...others, ''].join('\n');
}

function lineOf({ node, message, remedy }: Finding): string {
  return `${node === null ? '' : `${node}: `}${message}${remedy === undefined ? '' : `; ${remedy}`}`;
}

function rowOf(node: CheckedNode, paint: Paint): readonly string[] {
  const { health, receiver, lagBytes, lagTransactions, lagMs, lagIs, connections } = node;
  const isBytes = lagBytes !== null;
  const isTransactions = lagTransactions !== null;
  return [
    node.name,
    node.role,
    node.address,
    [
      health === 'up' ? paint('green', health) : paint('red', health),
      ...(receiver === null ? [] : [formatReceiver(receiver)]),
    ].join(', '),
    node.syncState ?? '-',
    String(node.timeline ?? '-'),
    node.position ?? '-',
    isBytes ? formatBytes(lagBytes) : isTransactions ? `${formatCount(lagTransactions)} tx` : '-',
    lagMs === null ? '-' : `${lagIs === 'estimated' ? '~' : ''}${formatMs(lagMs)}`,
    connections === null ? '-' : `${connections.needed} of ${connections.max} (${connections.used} open)`,
  ];
}
