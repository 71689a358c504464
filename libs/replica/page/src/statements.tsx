import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { RecordedEvent } from '../../src/observability/recent-events.js';
import type { PatternStats, RouterStats } from '../../src/observability/router-stats.js';
import { fallbacksOfPattern } from '../../src/dashboard/fallbacks-of-pattern.js';
import type { RouteReason } from '../../src/routing/route.js';
import { clock, count, duration, list, percent, plural, shortCount, withoutColumns } from './format.js';
import { REASONS } from './words.js';

/** How many statements are shown before somebody asks for the rest. */
const FEW = 10;

interface Column {
  readonly title: string;
  readonly valueOf: (pattern: PatternStats) => number;
  readonly show: (value: number) => string;
}

const COLUMNS: readonly Column[] = [
  { title: 'Calls', valueOf: ({ count: calls }) => calls, show: shortCount },
  {
    title: 'On replicas',
    valueOf: ({ onReplicas, count: calls }) => onReplicas / Math.max(1, calls),
    show: percent,
  },
  { title: 'Median', valueOf: ({ p50Ms }) => p50Ms, show: duration },
  { title: '95%', valueOf: ({ p95Ms }) => p95Ms, show: duration },
  { title: 'Failed', valueOf: ({ failed }) => failed, show: (value) => (value === 0 ? '–' : count(value)) },
];

interface StatementsProps {
  /** The most frequent first. */
  readonly patterns: readonly PatternStats[];
  /** Which time they are from: the end of a sentence. */
  readonly time: string;
}

/** The most frequent statements, without literals and parameters, in the order of a column. */
export function Statements({ patterns, time }: StatementsProps): VNode {
  const [isLong, setLong] = useState(false);
  const [sortedBy, setSortedBy] = useState(COLUMNS[0] as Column);
  const { valueOf } = sortedBy;
  const sorted = patterns.toSorted((one, other) => valueOf(other) - valueOf(one));
  const shown = isLong ? sorted : sorted.slice(0, FEW);
  return (
    <section aria-labelledby="statements">
      <h2 id="statements">Most frequent statements</h2>
      {patterns.length === 0 && <p class="note">None {time}, or statements are not counted by their text.</p>}
      {patterns.length > 0 && (
        <div
          class={isLong ? 'scroll' : 'scroll whole'}
          tabIndex={0}
          role="group"
          aria-labelledby="statements"
        >
          <table class="statements">
            <thead>
              <tr>
                <th scope="col">Statement</th>
                {COLUMNS.map((column) => (
                  <th
                    key={column.title}
                    scope="col"
                    class="number"
                    aria-sort={column === sortedBy ? 'descending' : 'none'}
                  >
                    <button class="sort" onClick={() => setSortedBy(column)}>
                      {column.title}
                    </button>
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {shown.map((pattern) => (
                <Statement key={pattern.digest} pattern={pattern} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {patterns.length > FEW && (
        <p class="more">
          <button aria-expanded={isLong} onClick={() => setLong(!isLong)}>
            {isLong ? 'Fewer' : `All ${patterns.length}`}
          </button>
        </p>
      )}
    </section>
  );
}

function Statement({ pattern }: { pattern: PatternStats }): VNode {
  const { text } = pattern;
  const brief = withoutColumns(text);
  return (
    <tr>
      <th scope="row">
        <details>
          <summary>
            <code>{brief}</code>
          </summary>
          {brief !== text && (
            <p>
              <code>{text}</code>
            </p>
          )}
          <p>{mainReason(pattern)}</p>
        </details>
      </th>
      {COLUMNS.map(({ title, valueOf, show }) => (
        <td key={title} class="number">
          {show(valueOf(pattern))}
        </td>
      ))}
    </tr>
  );
}

function mainReason({ reasons, count: calls }: PatternStats): string {
  const [first] = Object.entries(reasons).toSorted(([, a], [, b]) => b - a) as [RouteReason, number][];
  return first === undefined ? '' : `${percent(first[1] / calls)} of them: ${REASONS[first[0]] ?? first[0]}`;
}

interface UnwelcomeProps {
  readonly stats: RouterStats;
  readonly events: readonly RecordedEvent[];
}

/** Statements that loaded the primary although they looked like reads of replicas. */
export function Unwelcome({ stats, events }: UnwelcomeProps): VNode {
  const refused = events.filter((event) => event.event === 'statement:refused').toReversed();
  const fallen = stats.patterns
    .map((pattern) => ({ pattern, fallbacks: fallbacksOfPattern(pattern) }))
    .filter(({ fallbacks }) => fallbacks > 0)
    .toSorted((a, b) => b.fallbacks - a.fallbacks)
    .slice(0, FEW);
  const textOf = (digest: string): string | undefined =>
    stats.patterns.find((pattern) => pattern.digest === digest)?.text;
  return (
    <section aria-labelledby="unwelcome">
      <h2 id="unwelcome">Reads that came back to the primary</h2>
      <h3>Refused as writes: {count(stats.refused)}</h3>
      <p class="note">
        They looked like reads, and a replica refused them. Later ones go to the primary at once.
      </p>
      <ul class="lines">
        {refused.map(({ atMs, digest, tables, node }) => (
          <li key={`${digest} ${atMs}`}>
            <code>{withoutColumns(textOf(digest) ?? digest)}</code>
            <p>
              {clock(atMs)}, by {node}
              {tables !== null && tables.length > 0 && `, tables ${list(tables)}`}
            </p>
          </li>
        ))}
      </ul>
      <h3>No replica could answer: {count(stats.fallbacks)}</h3>
      <p class="note">All replicas were down, too old or failed, so the primary answered.</p>
      <ul class="lines">
        {fallen.map(({ pattern, fallbacks }) => (
          <li key={pattern.digest}>
            <code>{withoutColumns(pattern.text)}</code>
            <p>{plural(fallbacks, 'time')}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}
