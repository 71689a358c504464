import type { VNode } from 'preact';
import { useRef } from 'preact/hooks';
import type { RecordedEvent } from '../../src/observability/recent-events.js';
import { clock } from './format.js';
import { isTrouble, sayEvent } from './words.js';

/** How many lines are shown. */
const MOST_LINES = 40;

/** What happens again within this time is one line; milliseconds. */
const TOGETHER_MS = 10_000;

interface Line {
  readonly atMs: number;
  readonly text: string;
  readonly isTrouble: boolean;
  /** How often it happened at that time. */
  times: number;
}

/** What happened, the newest first. The same thing several times at once is one line. */
export function Events({ events }: { events: readonly RecordedEvent[] }): VNode {
  const lines = linesOf(events);
  const newest = lines[0];
  // What happened before somebody looked is not read out.
  const first = useRef(newest?.atMs ?? 0);
  return (
    <section aria-labelledby="events">
      <h2 id="events">Events</h2>
      <p class="unseen" aria-live="polite">
        {newest !== undefined && newest.atMs > first.current ? newest.text : ''}
      </p>
      {lines.length === 0 && <p class="note">Nothing has happened since the start.</p>}
      <ol class="lines events" tabIndex={0} aria-labelledby="events">
        {lines.map(({ atMs, text, isTrouble: isBad, times }, index) => (
          <li key={`${atMs} ${index}`} data-level={isBad ? 'bad' : 'good'}>
            <time dateTime={new Date(atMs).toISOString()}>{clock(atMs)}</time>
            <p>
              {text}
              {times > 1 && ` (${times} times)`}
            </p>
          </li>
        ))}
      </ol>
    </section>
  );
}

function linesOf(events: readonly RecordedEvent[]): Line[] {
  const lines: Line[] = [];
  for (const event of events.toReversed()) {
    const text = sayEvent(event);
    if (text === undefined) continue;
    // When a node goes, many statements tell so at once, in any order.
    const same = lines.findLast((line) => line.text === text && line.atMs - event.atMs < TOGETHER_MS);
    if (same !== undefined) same.times++;
    else if (lines.length === MOST_LINES) break;
    else lines.push({ atMs: event.atMs, text, isTrouble: isTrouble(event), times: 1 });
  }
  return lines;
}
