import type { NodeSnapshot } from './topology.js';

/** A node under all addresses by which it may be called. */
export interface AddressedNode extends Pick<NodeSnapshot, 'name' | 'address'> {
  /** At which the server itself was reached, behind whatever proxies. */
  readonly ownAddress: string | undefined;
}

/**
 * The node that a standby receives from, by the address that it calls its sender; `undefined` where it does not say, or it
 * could be none or more than one of them: behind tunnels several servers may call themselves 127.0.0.1:5432.
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
