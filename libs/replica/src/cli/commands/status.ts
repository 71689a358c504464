import { topologyStatusOf, type NodeStatus } from '../../observability/node-status.js';
import { readAppState, type ClusterState, type ReasonCount, type SourceState } from '../app-state.js';
import { CommandError } from '../command.error.js';
import { ExitCode } from '../exit-code.js';
import type { CommonOptions } from '../command-options.js';
import { openSource, type Source } from '../source.js';
import { paintFor, type Paint, type Terminal } from '../terminal.js';
import { textTable } from '../text-table.js';
import { formatCount, formatMs, formatReceiver, formatShare, formatSpan } from '../units.js';
import { pause, WatchedNodes } from '../watched-nodes.js';

interface StatusOptions extends CommonOptions {
  readonly watch?: boolean;
  /** The pause between two views; milliseconds. */
  readonly every: number;
  readonly app?: string;
  readonly header?: readonly string[];
}

/** How long to wait at most for the lag of a replica that is behind; milliseconds. */
const MEASURE_MS = 1_000;

/** How often to ask the nodes; milliseconds. */
const INTERVAL_MS = 250;

/** Makes the terminal forget what it shows and begin at the top. */
const CLEAR = '\u001B[H\u001B[2J\u001B[3J';

/** Shows the nodes, once or again and again. */
export async function status(options: StatusOptions, terminal: Terminal): Promise<ExitCode> {
  if (options.app === undefined && options.header !== undefined)
    throw new CommandError('--header needs --app beside it: servers take no headers');
  if (options.app !== undefined) {
    const { app, header = [], timeout } = options;
    return show(() => readAppState(app, { headers: header, timeoutMs: timeout }), options, terminal);
  }
  const source = await openSource(options, terminal);
  const watched = new WatchedNodes(source, { intervalMs: INTERVAL_MS, timeoutMs: options.timeout });
  try {
    await watched.start();
    return await show(() => lookAt(watched, source), options, terminal);
  } finally {
    await watched.stop();
  }
}

async function lookAt(watched: WatchedNodes, { database, options }: Source): Promise<ClusterState> {
  await watched.measureLag(MEASURE_MS);
  const topology = topologyStatusOf(watched.monitor.topology, database);
  const { name } = options;
  return { instance: null, dataSources: [{ name, isEnabled: null, topology, reasons: [], recentMs: null }] };
}

async function show(
  look: () => Promise<ClusterState>,
  options: StatusOptions,
  terminal: Terminal,
): Promise<ExitCode> {
  const paint = paintFor(terminal);
  for (;;) {
    const state = await look();
    if (options.json === true) terminal.out(`${JSON.stringify(state)}\n`);
    else terminal.out(`${options.watch === true && terminal.isTty ? CLEAR : ''}${textOf(state, paint)}`);
    if (options.watch !== true) return exitCodeOf(state);
    await pause(options.every, terminal.signal);
    if (terminal.signal.aborted) return ExitCode.ok;
  }
}

function exitCodeOf({ dataSources }: ClusterState): ExitCode {
  const isAllUp = dataSources.every(
    ({ topology }) =>
      topology !== null && [topology.primary, ...topology.replicas].every(({ health }) => health === 'up'),
  );
  return isAllUp ? ExitCode.ok : ExitCode.critical;
}

function textOf({ instance, dataSources }: ClusterState, paint: Paint): string {
  const from = instance === null ? [] : [`as ${instance.host}:${instance.pid} sees it\n`];
  const isOne = dataSources.length === 1;
  return [
    ...from,
    ...dataSources.map((source) => `${isOne ? '' : `${source.name}\n`}${sourceText(source, paint)}`),
  ].join('\n');
}

/** The nodes as a table, as `patronictl list` shows them, and why statements went there. */
function sourceText({ isEnabled, topology, reasons, recentMs }: SourceState, paint: Paint): string {
  if (topology === null) return 'the data source is not initialized\n';
  const { primary, replicas } = topology;
  const off =
    isEnabled === false ? paint('yellow', 'routing is switched off: everything goes to the primary\n') : '';
  const nodes = textTable(
    ['NODE', 'ROLE', 'ADDRESS', 'STATE', 'TL', 'POSITION', 'LAG', 'ROUND TRIP', 'PROBLEM'],
    [primary, ...replicas].map((node) => rowOf(node, paint)),
  );
  if (reasons.length === 0) return `${off}${nodes}`;
  return `${off}${nodes}\n${reasonsText(reasons, recentMs)}`;
}

/** What happened in the last minutes, beside all since the process began. */
function reasonsText(reasons: readonly ReasonCount[], recentMs: number | null): string {
  const all = reasons.reduce((sum, { count }) => sum + count, 0);
  const allRecent = reasons.reduce((sum, { recently }) => sum + recently, 0);
  const recentColumns = recentMs === null ? [] : [`LAST ${formatSpan(recentMs).toUpperCase()}`, 'SHARE'];
  return textTable(
    ['REASON', 'NODE', ...recentColumns, recentMs === null ? 'STATEMENTS' : 'SINCE START', 'SHARE'],
    reasons.map(({ reason, node, count, recently }) => [
      reason,
      node ?? 'none',
      ...(recentMs === null ? [] : [formatCount(recently), formatShare(recently, allRecent)]),
      formatCount(count),
      formatShare(count, all),
    ]),
  );
}

function rowOf(node: NodeStatus, paint: Paint): readonly string[] {
  const { health, receiver, isDraining, isTooOld, isLagging } = node;
  const words = [
    health === 'up' ? paint('green', 'up') : paint('red', health),
    receiver === null ? '' : formatReceiver(receiver),
    isDraining ? paint('yellow', 'draining') : '',
    isTooOld ? paint('red', 'too old') : isLagging ? paint('yellow', 'lagging') : '',
  ];
  return [
    node.name,
    node.role,
    node.address,
    words.filter((word) => word !== '').join(', '),
    String(node.timeline ?? '-'),
    node.position ?? '-',
    node.role === 'primary' || node.lagMs === null ? '-' : formatMs(node.lagMs),
    node.roundTripMs === null ? '-' : formatMs(node.roundTripMs),
    node.problem ?? '',
  ];
}
