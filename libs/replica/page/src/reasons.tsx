import type { VNode } from 'preact';
import type { RouteStats } from '../../src/observability/router-stats.js';
import type { RouteReason } from '../../src/routing/route.js';
import { percent, plural, shortCount } from './format.js';
import { REASONS } from './words.js';

interface Props {
  readonly routes: readonly RouteStats[];
  /** Which time they are from: the end of a sentence. */
  readonly time: string;
}

/** Why statements went to replicas, and why to the primary, as bars of one scale. */
export function Reasons({ routes, time }: Props): VNode {
  const all = routes.reduce((sum, { count }) => sum + count, 0);
  const onReplicas = sumByReason(routes.filter(({ role }) => role === 'replica'));
  const onPrimary = sumByReason(routes.filter(({ role }) => role !== 'replica'));
  const longest = Math.max(1, ...[...onReplicas, ...onPrimary].map(([, count]) => count));
  return (
    <section aria-labelledby="reasons">
      <h2 id="reasons">Why statements went where they went</h2>
      <p class="note">
        {plural(all, 'statement')} {time}
      </p>
      <div class="pair plain">
        <Bars title="To replicas" kind="replica" reasons={onReplicas} all={all} longest={longest} />
        <Bars title="To the primary" kind="primary" reasons={onPrimary} all={all} longest={longest} />
      </div>
    </section>
  );
}

type ReasonCount = readonly [RouteReason, number];

function sumByReason(routes: readonly RouteStats[]): ReasonCount[] {
  const counts = new Map<RouteReason, number>();
  for (const { reason, count } of routes) counts.set(reason, (counts.get(reason) ?? 0) + count);
  return [...counts].toSorted(([, a], [, b]) => b - a);
}

interface BarsProps {
  readonly title: string;
  readonly kind: 'primary' | 'replica';
  readonly reasons: readonly ReasonCount[];
  readonly all: number;
  readonly longest: number;
}

function Bars({ title, kind, reasons, all, longest }: BarsProps): VNode {
  const total = reasons.reduce((sum, [, count]) => sum + count, 0);
  return (
    <div>
      <h3>
        {title} <span>{all === 0 ? '' : percent(total / all)}</span>
      </h3>
      {reasons.length === 0 && <p class="note">None yet.</p>}
      <ol class="bars" data-kind={kind}>
        {reasons.map(([reason, count]) => (
          <li key={reason}>
            <p>
              {REASONS[reason] ?? reason} <code>{reason}</code>
            </p>
            <p class="number">
              <strong>{shortCount(count)}</strong> {percent(count / all)}
            </p>
            <div class="meter" aria-hidden="true">
              <i class="used" style={{ width: `${(100 * count) / longest}%` }} />
            </div>
          </li>
        ))}
      </ol>
    </div>
  );
}
