import type { ComponentChildren, VNode } from 'preact';
import type { NodeStatus } from '../../src/observability/node-status.js';
import type { PoolStats } from '../../src/observability/router-stats.js';
import { bytes, count, duration, percent } from './format.js';
import { bytesBehind, standing } from './health.js';

interface Props {
  readonly node: NodeStatus;
  /** Its place in the list, which gives it its colour. */
  readonly index: number;
  readonly primary: NodeStatus;
  readonly pool: PoolStats | undefined;
  /** Its part of the reads of the last minute; `null` if there were none. */
  readonly share: number | null;
  /** How long its reads of the last minutes took on average; milliseconds. `null` if there were none. */
  readonly readMs: number | null;
  /** Absent: there are no buttons. */
  readonly onAction?: ((action: 'drain' | 'resume') => void) | undefined;
}

export function NodeCard({ node, index, primary, pool, share, readMs, onAction }: Props): VNode {
  const { level, word } = standing(node);
  const isReplica = node.role === 'replica';
  // What was last heard of a node that is down would mislead.
  const isUp = node.health === 'up';
  return (
    <li class="node" data-node={node.name} data-level={level}>
      <h3>
        <i class="swatch" data-series={seriesOf(index)} />
        {node.name}
      </h3>
      <p class="role">
        {node.role} <span>{node.address}</span>
      </p>
      <p class="standing">{word}</p>
      {node.problem !== null && <p class="why">{node.problem}</p>}
      <div class="figures">
        <Figure name={isReplica ? 'Lag' : 'Round trip'}>
          {isUp ? duration(isReplica ? node.lagMs : node.roundTripMs) : 'unknown'}
        </Figure>
        <Figure name="Reads, last minute">{share === null ? 'no reads' : percent(share)}</Figure>
      </div>
      {pool !== undefined && <Pool pool={pool} />}
      <dl>
        {readMs !== null && <Fact name="Reads took">{duration(readMs)} on average</Fact>}
        <Fact name={isUp ? 'Position' : 'Last position'}>{node.position ?? 'unknown'}</Fact>
        {isReplica && <Behind primary={primary} replica={node} />}
        {node.timeline !== null && <Fact name="Timeline">{node.timeline}</Fact>}
        {isReplica && isUp && <Fact name="Receiver">{node.receiver ?? 'unknown'}</Fact>}
        {isReplica && isUp && <Fact name="Round trip">{duration(node.roundTripMs)}</Fact>}
        {node.weight !== 1 && <Fact name="Weight">{node.weight}</Fact>}
        {node.region !== null && <Fact name="Region">{node.region}</Fact>}
        {Object.entries(node.tags).map(([name, value]) => (
          <Fact key={name} name={name}>
            {value}
          </Fact>
        ))}
      </dl>
      {onAction !== undefined && (
        <p class="buttons">
          {node.isDraining ? (
            <button onClick={() => onAction('resume')}>
              Resume<span class="unseen"> {node.name}</span>
            </button>
          ) : (
            <button onClick={() => onAction('drain')}>
              Drain<span class="unseen"> {node.name}</span>
            </button>
          )}
        </p>
      )}
    </li>
  );
}

/** The number of the colour of the node at this place. There are six. */
export function seriesOf(index: number): number {
  return index === 0 ? 0 : ((index - 1) % 5) + 1;
}

function Pool({ pool }: { pool: PoolStats }): VNode {
  const { used, idle, max, waiting, lanes, inFlight, timeouts } = pool;
  const width = (part: number): { width: string } => ({
    width: `${(100 * Math.min(part, max)) / Math.max(1, max)}%`,
  });
  return (
    <div class="pool">
      <p>
        <span>Connections</span>
        <span>
          {used} of {max} in use{idle > 0 && `, ${idle} idle`}
          {waiting > 0 && <strong>, {waiting} waiting</strong>}
        </span>
      </p>
      <div class="meter" aria-hidden="true">
        <i class="used" style={width(used)} />
        <i class="idle" style={width(idle)} />
      </div>
      <p>
        <span>Lanes</span>
        <span>
          {lanes}, {count(inFlight)} in flight
          {timeouts > 0 && <strong>, {count(timeouts)} timed out</strong>}
        </span>
      </p>
    </div>
  );
}

function Behind({ primary, replica }: { primary: NodeStatus; replica: NodeStatus }): VNode | null {
  const behind = bytesBehind(primary, replica);
  return behind === null ? null : <Fact name="Not replayed">{bytes(behind)}</Fact>;
}

function Figure({ name, children }: { name: string; children: ComponentChildren }): VNode {
  return (
    <p class="figure">
      <strong>{children}</strong> <span>{name}</span>
    </p>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }): VNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
