import type { NodeSnapshot } from './topology.js';

/** A node with every address by which another server may call it. */
export interface AddressedNode extends Pick<NodeSnapshot, 'name' | 'address'> {
  /** The server's own address, behind any proxies. */
  readonly ownAddress: string | undefined;
}

/**
 * The name of the node that a replica receives from, found by the address of its sender. `undefined`: the replica does not tell,
 * or not exactly one node has this address. Behind tunnels, several servers may call themselves 127.0.0.1:5432.
 */
export function followedNode(
  sender: string | undefined,
  nodes: readonly AddressedNode[],
): string | undefined {
  if (sender === undefined) return undefined;
  const called = sender.toLowerCase();
  const found = nodes.filter(
    ({ address, ownAddress }) => address.toLowerCase() === called || ownAddress === called,
  );
  return found.length === 1 ? found[0]?.name : undefined;
}
