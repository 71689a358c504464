import { ExitCode } from '../exit-code.js';
import { withoutSecrets } from '../discreet-text.js';
import type { CommonOptions } from '../command-options.js';
import { openSource } from '../source.js';
import type { Terminal } from '../terminal.js';
import { textTable } from '../text-table.js';
import { formatCount, formatMs } from '../units.js';
import { LagSamples, type LagDistribution } from '../lag-samples.js';
import { pause, WatchedNodes } from '../watched-nodes.js';

interface LagOptions extends CommonOptions {
  /** How long to measure; milliseconds. */
  readonly for: number;
  /** The pause between two samples; milliseconds. */
  readonly every: number;
}

/** Measures the lag of the replicas for some time. */
export async function lag(options: LagOptions, terminal: Terminal): Promise<ExitCode> {
  const source = await openSource(options, terminal);
  const watched = new WatchedNodes(source, { intervalMs: options.every, timeoutMs: options.timeout });
  const samples = new LagSamples();
  const startedMs = performance.now();
  try {
    await watched.start();
    const sinceMs = performance.now();
    while (performance.now() - sinceMs < options.for && !terminal.signal.aborted) {
      const leftMs = options.for - (performance.now() - sinceMs);
      await pause(Math.min(options.every, leftMs), terminal.signal);
      samples.take(watched.monitor.topology, performance.now());
    }
  } finally {
    await watched.stop();
  }
  const nodes = samples.distributions();
  const problems = problemsOf(watched);
  const measuredMs = Math.round(performance.now() - startedMs);
  if (options.json === true) terminal.out(`${JSON.stringify({ measuredMs, replicas: nodes, problems })}\n`);
  else {
    terminal.out(nodes.length === 0 ? 'there are no replicas\n' : textOf(nodes));
    for (const { node, problem } of problems) terminal.err(`nestjs-replica: ${node}: ${problem}\n`);
  }
  return nodes.some(({ samples: count }) => count === 0) || samples.isPrimaryMissing
    ? ExitCode.critical
    : ExitCode.ok;
}

/** Why nodes could not be measured. */
function problemsOf({ nodes }: WatchedNodes): readonly { readonly node: string; readonly problem: string }[] {
  return nodes.flatMap(({ name: node, health, problem }) =>
    health === 'up' ? [] : [{ node, problem: withoutSecrets(problem ?? 'it does not answer') }],
  );
}

function textOf(nodes: readonly LagDistribution[]): string {
  const rows = nodes.map(({ name, p50Ms, p95Ms, maxMs, isAtLeast, samples, missed }) => [
    name,
    ...[p50Ms, p95Ms, maxMs].map((ms) => (ms === null ? '-' : `${isAtLeast ? '>= ' : ''}${formatMs(ms)}`)),
    formatCount(samples),
    formatCount(missed),
  ]);
  return textTable(['REPLICA', 'P50', 'P95', 'MAX', 'SAMPLES', 'MISSED'], rows);
}
