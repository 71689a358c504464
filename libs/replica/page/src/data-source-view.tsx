import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import type { DataSourceState } from '../../src/dashboard/dashboard-state.js';
import type { Perform } from './connection.js';
import { LagChart, ShareChart } from './charts.jsx';
import { Events } from './events.jsx';
import { clock, span } from './format.js';
import { healthOf, meanReadMs, sharesOf } from './health.js';
import { NodeCard } from './node-card.jsx';
import { Reasons } from './reasons.jsx';
import { Routing } from './routing.jsx';
import { Statements, Unwelcome } from './statements.jsx';

/** Over which time the shares of the nodes are shown. */
const RECENT_MS = 60_000;

interface Props {
  readonly source: DataSourceState;
  readonly hasActions: boolean;
  readonly perform: Perform;
}

/** All of one data source, from how it is to what happened. */
export function DataSourceView({ source, hasActions, perform }: Props): VNode {
  const { topology, stats, history, recent } = source;
  // What happens now would not show in the counts of a process that has run for days.
  const [isOfAll, setOfAll] = useState(false);
  const { routes, patterns } = isOfAll ? stats : recent;
  const time = isOfAll ? `since ${clock(stats.sinceMs)}` : `in the last ${span(recent.forMs)}`;
  const newestMs = history.at(-1)?.atMs ?? 0;
  const points = history.filter(({ atMs }) => atMs > newestMs - RECENT_MS);
  const { level, verdict, facts } = healthOf(source, points);
  const shares = sharesOf(points);
  const nodes = topology === null ? [] : [topology.primary, ...topology.replicas];
  return (
    <>
      <section class="health" data-level={level} aria-labelledby="health">
        <h2 id="health">
          {verdict} <span>{facts}</span>
        </h2>
        {hasActions && topology !== null && <Routing source={source} perform={perform} />}
      </section>
      <section aria-labelledby="nodes">
        <h2 id="nodes">Nodes</h2>
        <ul class="nodes">
          {topology !== null &&
            nodes.map((node, index) => (
              <NodeCard
                key={node.name}
                node={node}
                index={index}
                primary={topology.primary}
                pool={stats.pools.find((pool) => pool.node === node.name)}
                share={shares.get(node.name) ?? null}
                readMs={meanReadMs(recent.routes, node.name)}
                onAction={
                  hasActions && node.role === 'replica'
                    ? (name) => perform({ name, dataSource: source.name, replica: node.name })
                    : undefined
                }
              />
            ))}
        </ul>
      </section>
      <div class="pair">
        <LagChart history={history} nodes={nodes} />
        <ShareChart history={history} nodes={nodes} />
      </div>
      <p class="times" role="group" aria-label="Which statements are counted">
        <span>Statements</span>
        <button aria-pressed={!isOfAll} onClick={() => setOfAll(false)}>
          of the last {span(recent.forMs)}
        </button>
        <button aria-pressed={isOfAll} onClick={() => setOfAll(true)}>
          since the start
        </button>
      </p>
      <Reasons routes={routes} time={time} />
      <Statements patterns={patterns} time={time} />
      <div class="pair">
        <Unwelcome stats={stats} events={source.events} />
        <Events events={source.events} />
      </div>
    </>
  );
}
