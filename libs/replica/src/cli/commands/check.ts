import { CommandError } from '../command.error.js';
import type { CheckReport, CheckThresholds, Finding } from '../check/check-report.js';
import { auroraFindings } from '../check/aurora-findings.js';
import { findProblems } from '../check/find-problems.js';
import { observeCluster, type ObservedCluster } from '../check/observed-cluster.js';
import { nagiosReport, textReport } from '../check/show-report.js';
import { ExitCode } from '../exit-code.js';
import { withoutSecrets } from '../discreet-text.js';
import type { CommonOptions } from '../command-options.js';
import { openSource } from '../source.js';
import { paintFor, type Terminal } from '../terminal.js';
import { formatMs } from '../units.js';

interface CheckOptions extends CommonOptions {
  readonly format: 'text' | 'json' | 'nagios';
  /** Milliseconds. */
  readonly warnLag: number;
  readonly critLag: number;
  /** `undefined`: at least one has to serve, and none may be away. */
  readonly minReplicas?: number;
  readonly instances: number;
}

/** How long to wait at most for a replica that is behind; milliseconds. */
const MAX_MEASURE_MS = 5_000;

/** Checks whether replication is well. */
export async function check(options: CheckOptions, terminal: Terminal): Promise<ExitCode> {
  const { warnLag: warnLagMs, critLag: critLagMs, minReplicas, instances, timeout } = options;
  if (warnLagMs > critLagMs) throw new CommandError('--warn-lag has to be at most --crit-lag');
  const source = await openSource(options, terminal);
  const thresholds = {
    warnLagMs,
    critLagMs,
    minReplicas: minReplicas ?? 1,
    othersMayBeAway: minReplicas !== undefined,
  };
  const measureMs = Math.min(warnLagMs, MAX_MEASURE_MS);
  const cluster = await observeCluster(source, { timeoutMs: timeout, measureMs, critLagMs, instances });
  const report = reportOf(cluster, thresholds, await auroraFindings(source, timeout));
  terminal.out(shown(report, options, terminal));
  return report.exitCode;
}

function shown(report: CheckReport, options: CheckOptions, terminal: Terminal): string {
  if (options.json === true || options.format === 'json') return `${JSON.stringify(report)}\n`;
  return options.format === 'nagios' ? nagiosReport(report) : textReport(report, paintFor(terminal));
}

function reportOf(
  cluster: ObservedCluster,
  thresholds: CheckThresholds,
  others: readonly Finding[],
): CheckReport {
  const findings = findProblems(cluster, thresholds, others).map((finding): Finding => ({
    ...finding,
    message: withoutSecrets(finding.message),
  }));
  const [worst] = findings;
  const status = worst === undefined || worst.level === 'hint' ? 'ok' : worst.level;
  const primary = cluster.primary.checked;
  const replicas = cluster.replicas.map(({ checked }) => checked);
  return {
    status,
    exitCode: ExitCode[status],
    summary: summaryOf(replicas, status === 'ok' ? undefined : worst),
    thresholds,
    primary,
    replicas,
    findings,
  };
}

function summaryOf(replicas: CheckReport['replicas'], worst: Finding | undefined): string {
  const serving = replicas.filter(({ serves }) => serves).length;
  const lags = replicas.map(({ lagMs }) => lagMs).filter((lagMs) => lagMs !== null);
  const lag = lags.length > 0 ? `, the greatest lag is ${formatMs(Math.max(...lags))}` : '';
  const problem =
    worst === undefined ? '' : `; ${worst.node === null ? '' : `${worst.node}: `}${worst.message}`;
  return `${serving} of ${replicas.length} replicas serve${lag}${problem}`;
}
