import type { NodeConnection } from '../connection-options.js';
import { mysql2Module } from '../mysql2-module.js';

/** The private methods of a connection that lanes need. */
const METHODS = ['addCommand', 'handlePacket', 'format'] as const;

/** Explains why several reads cannot share a connection; `undefined`: they can. Opens no connection. */
export function laneObstacleOf({ config }: Pick<NodeConnection, 'config'>): string | undefined {
  if (config().compress === true)
    return 'compress counts packets in a way that allows one statement at a time';
  const { Connection, createQuery } = mysql2Module() as unknown as {
    readonly Connection?: { readonly prototype: object };
    readonly createQuery?: unknown;
  };
  const inside = (Connection?.prototype ?? {}) as Readonly<Record<string, unknown>>;
  const hasAll = METHODS.every((name) => typeof inside[name] === 'function');
  return hasAll && typeof createQuery === 'function'
    ? undefined
    : 'this mysql2 is not made as the versions that were tried (3.24)';
}
