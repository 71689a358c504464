/**
 * Rendezvous (highest random weight) hashing: a session is tied to one of the nodes by its key alone. No state is
 * kept, every application instance chooses alike, and when a node leaves only its own sessions move.
 */

/** A node as far as sessions are tied to it. */
export interface Tied {
  readonly name: string;
  /** Sessions are spread in proportion. */
  readonly weight: number;
}

/** The part of the topology that says which replica a session is tied to. */
export interface KnownHomes {
  readonly homes: readonly Tied[];
  /** Those of before the last changes, while sessions may remember what they read there. */
  readonly formerHomes?: readonly (readonly Tied[])[];
}

/** The homes have changed of late, so nobody knows which replica the session read from last. */
export const SOMEWHERE: unique symbol = Symbol('somewhere');

/** A 32-bit hash of a text (FNV-1a). */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** How much the owner of `keyHash` prefers the node with `nodeHash`: unsigned 32 bits, larger wins. */
export function rendezvousScore(keyHash: number, nodeHash: number): number {
  let mixed = Math.imul(keyHash ^ Math.imul(nodeHash, 0x9e3779b1), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/**
 * The replica that the session's key ties it to: the same whatever the health and the roles of the nodes. One of weight 0
 * is nobody's home; `undefined`: there is no other.
 */
export function homeOf(
  keyHash: number,
  { homes, formerHomes }: KnownHomes,
): string | typeof SOMEWHERE | undefined {
  const home = mostPreferred(keyHash, homes, 0)?.name;
  if (formerHomes === undefined) return home;
  for (const former of formerHomes) {
    if (mostPreferred(keyHash, former, 0)?.name !== home) return SOMEWHERE;
  }
  return home;
}

/** The candidate that the key prefers. One of weight 0, which was asked for, counts as 1. Throws on an empty list. */
export function preferredBy<T extends Tied>(keyHash: number, candidates: readonly T[]): T {
  const best = mostPreferred(keyHash, candidates, 1);
  if (best === undefined) throw new RangeError('there is no candidate to prefer');
  return best;
}

/**
 * In proportion to the weights: of exponential times with these rates the shortest wins. Equal ones are decided by name, so
 * that all instances agree. (Engines whose logarithms differ in the last bit would disagree on one session in 10^15.)
 */
function mostPreferred<T extends Tied>(
  keyHash: number,
  nodes: readonly T[],
  insteadOfZero: 0 | 1,
): T | undefined {
  let best: T | undefined;
  let shortest = Infinity;
  for (const node of nodes) {
    const weight = node.weight || insteadOfZero;
    if (weight === 0) continue;
    const chance = (rendezvousScore(keyHash, hashText(node.name)) + 0.5) / 2 ** 32;
    const time = -Math.log(chance) / weight;
    if (time < shortest || (time === shortest && best !== undefined && node.name < best.name)) {
      best = node;
      shortest = time;
    }
  }
  return best;
}
