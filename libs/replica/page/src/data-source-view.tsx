import type { VNode } from 'preact';
import type { DataSourceState } from '../../src/dashboard/dashboard-state.js';
import type { Perform } from './connection.js';
import { LagChart, ShareChart } from './charts.jsx';
import { Events } from './events.jsx';
import { healthOf, sharesOf } from './health.js';
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
  const { topology, stats, history } = source;
  const newestMs = history.at(-1)?.atMs ?? 0;
  const recent = history.filter(({ atMs }) => atMs > newestMs - RECENT_MS);
  const { level, verdict, facts } = healthOf(source, recent);
  const shares = sharesOf(recent);
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
      <Reasons routes={stats.routes} sinceMs={stats.sinceMs} />
      <Statements patterns={stats.patterns} />
      <div class="pair">
        <Unwelcome stats={stats} events={source.events} />
        <Events events={source.events} />
      </div>
    </>
  );
}
