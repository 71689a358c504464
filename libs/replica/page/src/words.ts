import type { RecordedEvent } from '../../src/observability/recent-events.js';
import type { RouteReason } from '../../src/routing/route.js';
import type { TopologyStatus } from '../../src/observability/node-status.js';
import { duration, list } from './format.js';

/** Why statements went where they went, each as the end of a sentence that begins with their count. */
export const REASONS: Readonly<Record<RouteReason, string>> = {
  'routing-disabled':
    'Routing was off, there were no replicas, or the database’s functions were not known yet.',
  write: 'They write, or call a function that may.',
  'locking-read': 'They lock rows or tables, which only the primary can do.',
  'session-change': 'They change or read the state of their connection.',
  'transaction-control': 'They begin or end a transaction.',
  'unknown-statement': 'Nobody could tell that they only read.',
  transaction: 'They ran inside a transaction.',
  'primary-runner': 'TypeORM asked for the primary.',
  'table-rule': 'A rule for their tables names the node.',
  'no-context': 'They ran outside any request or job: start-up, scripts, timers.',
  'forced-primary': 'The code asked for the primary: @ForcePrimary() or runOnPrimary().',
  'strong-consistency': 'The code asked for strong consistency.',
  'unsafe-method': 'Their HTTP request may write: it is no GET, HEAD or OPTIONS.',
  'primary-preferred': 'Reads prefer the primary, by the option defaultReadPreference.',
  'own-write': 'Their request had written, and no replica had that write yet.',
  'request-on-primary': 'Their request had read from the primary before, and stayed there.',
  'session-unknown': 'Nobody could tell what their session had written.',
  'session-ahead': 'No replica had what their session had written or seen.',
  'no-eligible-replica': 'No replica was up and fresh enough.',
  'replica-failed': 'Replicas failed to answer them.',
  'refused-by-replica': 'A replica refused them as writes.',
  'route-function': 'The option route named the node.',
  'own-write-replayed': 'The replica had what their own request had written.',
  'session-replayed': 'The replica had what their session had written and seen.',
  'session-free': 'Their session had nothing to wait for.',
  'within-staleness': 'The replica’s data was fresh enough for them.',
  eventual: 'Any replica would do: consistency is eventual.',
  'read-only-transaction': 'They ran inside a declared read-only transaction.',
  'primary-away': 'The primary was away, and the replica had what their session needs.',
};

/** One sentence of what happened; `undefined`: it is no news. */
export function sayEvent(event: RecordedEvent): string | undefined {
  switch (event.event) {
    case 'node:down':
      return `${event.node.name} is out of rotation: ${event.problem}.`;
    case 'node:up':
      return `${event.node.name} is in rotation.`;
    case 'lag:high':
      return `${event.node.name} lags ${duration(event.lagMs)}, and gets half of its share of the reads.`;
    case 'lag:ok':
      return `${event.node.name} has caught up.`;
    case 'primary:changed':
      return event.because === 'promotion'
        ? `${event.primary.name} was promoted, and is the primary now.`
        : `Another server than before is the primary at ${event.primary.address}.`;
    case 'primary:conflict':
      return `Two primaries: ${event.node.name} accepts writes beside ${event.primary.name}. It gets no statement.`;
    case 'node:foreign':
      return `A server of another database answers as ${event.node.name}. It gets no statement.`;
    case 'topology:changed':
      return sayChange(event);
    case 'statement:refused':
      return `${event.node} refused a statement as a write${ofTables(event.tables)}. It goes to the primary from now on.`;
    case 'statement':
      return sayStatement(event);
    case 'visibility:missed':
      return `An answer left after ${duration(event.waitedMs)} although ${event.visible} of ${event.serving} replicas had its write.`;
    case 'durability:downgraded':
      return `A commit on ${event.node} did not wait for its standbys: ${event.durability} was not kept.`;
    default:
      // An application that is newer than the page in this window may know more events.
      return (event satisfies never as RecordedEvent).event;
  }
}

/** Whether it is bad news. */
export function isTrouble({ event, ...fields }: RecordedEvent): boolean {
  if (event === 'statement') return 'isFinal' in fields && fields.isFinal && fields.errorCode !== undefined;
  return TROUBLE.includes(event);
}

const TROUBLE: readonly string[] = [
  'node:down',
  'lag:high',
  'primary:conflict',
  'node:foreign',
  'visibility:missed',
  'durability:downgraded',
];

function sayChange({ because, added, removed, topology }: Change): string {
  if (because === 'promotion') return 'The nodes have changed their roles.';
  if (because === 'configuration')
    return `The list of nodes changed: ${list([
      ...added.map((name) => `${name} joined`),
      ...removed.map((name) => `${name} left`),
    ])}.`;
  const draining = drainingIn(topology);
  return draining.length === 0
    ? 'Nothing is being drained any more.'
    : `${list(draining)}: no new reads, being drained.`;
}

type Change = Extract<RecordedEvent, { event: 'topology:changed' }>;
type Statement = Extract<RecordedEvent, { event: 'statement' }>;

function drainingIn({ replicas }: TopologyStatus): string[] {
  return replicas.filter(({ isDraining }) => isDraining).map(({ name }) => name);
}

/** Of statements only failures are news: what was tried again and then succeeded has told so before. */
function sayStatement({ kind, tables, node, errorCode, isFinal }: Statement): string | undefined {
  if (errorCode === undefined) return undefined;
  const what = kind === 'read' ? 'A read' : 'A statement';
  const why = errorCode === 'unknown' ? '' : ` (${errorCode})`;
  if (!isFinal) return `${what} failed on ${node}${why}, and was tried again.`;
  return `${what}${ofTables(tables)} failed${node === null ? '' : ` on ${node}`}${why}; its caller got the error.`;
}

function ofTables(tables: readonly string[] | null): string {
  return tables === null || tables.length === 0 ? '' : ` of ${list(tables)}`;
}
