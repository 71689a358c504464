import { dropUndefined } from '../options/option-values.js';
import type { NodeCredentials, NodeOptions } from '../options/replica-options.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { NodePool } from '../postgres/node-pool.js';
import type { NodePoolOptions } from '../postgres/node-pool-options.js';
import { poolConfig, probeConfig, type PoolSettings } from '../postgres/pool-config.js';
import { PostgresProbe } from '../postgres/postgres-probe.js';
import type { LaneSettings } from '../postgres/lanes/read-lanes.js';
import { whyNoLanes } from '../postgres/lanes/supports-lanes.js';
import { TLS_PARAMETERS } from '../postgres/with-servername.js';
import { cutName } from '../postgres/statements/names.js';
import type { NodeProbe } from '../topology/node-probe.js';
import type { ProbeFunction } from '../topology/probe-function.js';

// No other file of this folder imports from postgres/, so this list is all that the engine knows of its database.

export { CatalogKeeper, type CatalogStatus } from '../postgres/catalog-keeper.js';
export type { ServerCheck } from '../postgres/check-connection.js';
export type { Outside } from '../postgres/create-pool.js';
export { findStandIn } from '../postgres/find-stand-in.js';
export { formatLsn as formatPosition } from '../postgres/lsn.js';
export { PoolEvents } from '../postgres/pool-events.js';
export { PositionAlong } from '../postgres/position-along.js';
export { PrimaryKeeper } from '../postgres/primary-keeper.js';
export { StatementRouter } from '../postgres/statement-router.js';
export { StatementClassifier, type Statement } from '../postgres/statements/index.js';
export { POSTGRES_TERMS as TERMS } from '../postgres/terms.js';
export type { LaneSettings, NodePool, PoolSettings };

/**
 * How many prepared statements a connection keeps. Each takes memory of the server, about 10 KiB for a simple one.
 */
const PREPARED_PER_CONNECTION = 100;

/** The connections to a node; makes none yet. */
export function createNodePool(
  node: ResolvedNode,
  settings: PoolSettings,
  rest: Omit<NodePoolOptions, 'name' | 'address' | 'config' | 'onConnect'>,
): NodePool {
  const { name, address } = node;
  const { onConnect } = settings;
  return new NodePool({ ...rest, name, address, config: poolConfig(node, settings), onConnect });
}

/** How many connections the node's pool may have; `undefined`: as many as the driver thinks right. */
export function poolSizeOf(node: ResolvedNode, settings: PoolSettings): number | undefined {
  return poolConfig(node, settings).max;
}

/** A probe of a node. The user's own probe, if there is one, runs after the built-in one. */
export function createProbe(
  node: ResolvedNode,
  settings: PoolSettings,
  probe: ProbeFunction | undefined,
): NodeProbe {
  const { name, address } = node;
  return new PostgresProbe(
    probeConfig(node, settings),
    probe === undefined ? undefined : { name, address, probe },
  );
}

/** How reads share connections, by the options; `undefined`: not at all. */
export function laneSettings({
  lanes,
  prepare,
  prepareAfter,
}: Pick<ResolvedOptions<never>, 'lanes' | 'prepare' | 'prepareAfter'>): LaneSettings | undefined {
  if (!lanes) return undefined;
  return { prepare: prepare ? { after: prepareAfter, perConnection: PREPARED_PER_CONNECTION } : undefined };
}

/** Why reads of this node will not share connections, for people; `undefined`: they will. */
export function whyNoLanesTo(node: ResolvedNode, settings: PoolSettings): string | undefined {
  return whyNoLanes(poolConfig(node, settings));
}

/** A name as the catalog has it: the database cuts long names off. */
export function nameInCatalog(name: string): string {
  // If the cut depends on the server's encoding, no statement with this name counts as a read.
  return cutName(name) ?? name;
}

/**
 * A node that is given by its host: whatever it lacks of user, password, database and TLS comes from the primary. A
 * node with a `url` of its own is complete.
 */
export function withConnectionOf(primary: NodeCredentials, node: NodeOptions): NodeOptions {
  if (node.url !== undefined) return node;
  const { username, password, database, ssl, ...rest } = dropUndefined(node) as NodeOptions;
  const own = dropUndefined({ username, password, database, ssl });
  if (primary.url === undefined) {
    const inherited = {
      username: primary.username,
      password: primary.password,
      database: primary.database,
      ssl: primary.ssl,
    };
    return { ...rest, ...dropUndefined(inherited), ...own };
  }
  const { host = 'localhost', port = 5432, ...others } = rest;
  const url = new URL(primary.url);
  for (const parameter of ['host', 'port']) url.searchParams.delete(parameter);
  url.hostname = host.includes(':') ? `[${host}]` : encodeURIComponent(host);
  url.port = String(port);
  if (username !== undefined) setPart(url, 'user', () => (url.username = username));
  if (typeof password === 'string') setPart(url, 'password', () => (url.password = password));
  if (database !== undefined) setPart(url, 'database', () => (url.pathname = `/${encodeURI(database)}`));
  if (ssl === undefined) return { ...others, url: url.href };
  for (const parameter of TLS_PARAMETERS) url.searchParams.delete(parameter);
  return { ...others, ssl, url: url.href };
}

/** A parameter of the URL would go before its part. */
function setPart(url: URL, parameter: string, set: () => void): void {
  url.searchParams.delete(parameter);
  set();
}
