import { nodeNameOf } from '../topology/discovery/node-name.js';
import { addressOf, problemOfHost, problemOfUrl } from './node-address.js';
import type { NodeOptions } from './replica-options.js';

/** What names are given by beside the address. */
export interface TakenNames {
  /** The primary's. */
  readonly primary: string;
  /** Names of replicas by their address: one that is given no name keeps its own. */
  readonly byAddress?: ReadonlyMap<string, string>;
}

/**
 * Replicas without a name are called by their address: the same in all processes, whatever the order of their lists and however
 * many there are, for sessions remember names. The second at one address gets `-2`, and so on.
 */
export function nameReplicas(
  replicas: readonly NodeOptions[],
  { primary, byAddress }: TakenNames,
): readonly NodeOptions[] {
  const counts = new Map<string, number>();
  return replicas.map((node) => {
    if (!isReadable(node) || node.name !== undefined) return node;
    const address = addressOf(node);
    const count = (counts.get(address) ?? 0) + 1;
    counts.set(address, count);
    const name = (count === 1 ? byAddress?.get(address) : undefined) ?? nameOf(address, primary);
    return { ...node, name: count === 1 ? name : `${name}-${count}` };
  });
}

/** It has an address that can be told. */
export function isReadable(node: NodeOptions): boolean {
  if (typeof node !== 'object' || node === null) return false;
  if (node.url !== undefined) return problemOfUrl(node.url) === undefined;
  // A host that holds more than a host may hold a password.
  return node.host === undefined || problemOfHost(node.host) === undefined;
}

function nameOf(address: string, primary: string): string {
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[(.+)\]$/, '$1');
  const port = Number(address.slice(colon + 1));
  const name = nodeNameOf(host, port);
  return name === primary ? `${name}-${port}` : name;
}
