import type { VNode } from 'preact';
import type { HistoryPoint } from '../../src/dashboard/dashboard-state.js';
import type { NodeStatus } from '../../src/observability/node-status.js';
import { Chart, type Series } from './chart.jsx';
import { clockMinute, duration, percent } from './format.js';
import { seriesOf } from './node-card.jsx';

interface Props {
  readonly history: readonly HistoryPoint[];
  readonly nodes: readonly NodeStatus[];
}

export function LagChart({ history, nodes }: Props): VNode {
  const series = nodes
    .map((node, index) => ({ ...node, colour: seriesOf(index) }))
    .filter(({ role }) => role === 'replica')
    .map(({ name, colour }) => ({
      name,
      colour,
      values: history.map((point) => point.nodes[name]?.lagMs ?? null),
    }));
  return (
    <section aria-labelledby="lag">
      <h2 id="lag">How far replicas are behind</h2>
      <Chart
        times={timesOf(history)}
        series={series}
        label="Lag of each replica over the last 15 minutes. The table below has the values."
        format={duration}
        isFilled={false}
        top={100}
      />
      <Minutes
        history={history}
        series={series}
        title="The most in each minute"
        of={most}
        format={duration}
      />
    </section>
  );
}

/** Over how many points a share is taken, so that the chart of a quiet application does not jump. */
const WINDOW = 10;

export function ShareChart({ history, nodes }: Props): VNode {
  const shares = smoothShares(history, nodes);
  const series = nodes.map(({ name }, index) => ({
    name,
    colour: seriesOf(index),
    values: shares[index] as (number | null)[],
    // Stacked: each area reaches from the bottom to its own share and all below, and hides the lower part of the one before.
    drawn: history.map((_, at) => sumFrom(shares, index, at)),
  }));
  return (
    <section aria-labelledby="share">
      <h2 id="share">Who answers reads</h2>
      <Chart
        times={timesOf(history)}
        series={series}
        label="Each node’s share of the reads over the last 15 minutes. The table below has the values."
        format={percent}
        isFilled
        top={1}
      />
      <Minutes
        history={history}
        series={series}
        title="On average in each minute"
        of={average}
        format={percent}
      />
    </section>
  );
}

function timesOf(history: readonly HistoryPoint[]): number[] {
  return history.map(({ atMs }) => atMs / 1_000);
}

/** For each node its share of the reads at each point; `null` where nobody read. */
function smoothShares(history: readonly HistoryPoint[], nodes: readonly NodeStatus[]): (number | null)[][] {
  const sums = nodes.map(() => 0);
  const shares: (number | null)[][] = nodes.map(() => []);
  history.forEach(({ nodes: now }, at) => {
    const leaving = history[at - WINDOW]?.nodes;
    nodes.forEach(({ name }, index) => {
      sums[index] = (sums[index] ?? 0) + (now[name]?.reads ?? 0) - (leaving?.[name]?.reads ?? 0);
    });
    const all = sums.reduce((sum, one) => sum + one, 0);
    sums.forEach((sum, index) => shares[index]?.push(all === 0 ? null : sum / all));
  });
  return shares;
}

function sumFrom(shares: readonly (readonly (number | null)[])[], index: number, at: number): number | null {
  if (shares[index]?.[at] === null) return null;
  return shares.slice(index).reduce((sum, values) => sum + (values[at] ?? 0), 0);
}

interface MinutesProps {
  readonly history: readonly HistoryPoint[];
  readonly series: readonly Series[];
  readonly title: string;
  readonly of: (values: readonly number[]) => number;
  readonly format: (value: number) => string;
}

/** The chart as a table, the newest minute first. */
function Minutes({ history, series, title, of, format }: MinutesProps): VNode {
  const minutes = placesByMinute(history);
  return (
    <details>
      <summary>As a table</summary>
      <div class="scroll" tabIndex={0} role="group" aria-label={title}>
        <table>
          <caption>{title}</caption>
          <thead>
            <tr>
              <th scope="col">Minute</th>
              {series.map(({ name }) => (
                <th key={name} scope="col" class="number">
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {[...minutes].toReversed().map(([minute, places]) => (
              <tr key={minute}>
                <th scope="row">{clockMinute(minute * 60_000)}</th>
                {series.map(({ name, values }) => {
                  const known = places.map((at) => values[at]).filter((value) => typeof value === 'number');
                  return (
                    <td key={name} class="number">
                      {known.length === 0 ? 'unknown' : format(of(known))}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}

function placesByMinute(history: readonly HistoryPoint[]): Map<number, number[]> {
  const minutes = new Map<number, number[]>();
  history.forEach(({ atMs }, at) => {
    const minute = Math.floor(atMs / 60_000);
    minutes.set(minute, [...(minutes.get(minute) ?? []), at]);
  });
  return minutes;
}

function most(values: readonly number[]): number {
  return Math.max(...values);
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
