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
  const home = homeAmong(keyHash, homes);
  if (formerHomes === undefined) return home;
  for (const former of formerHomes) {
    if (homeAmong(keyHash, former) !== home) return SOMEWHERE;
  }
  return home;
}

/** The candidate that the key prefers. One of weight 0, which was asked for, counts as 1. Throws on an empty list. */
export function preferredBy<T extends Tied>(keyHash: number, candidates: readonly T[]): T {
  const lots = candidates.map((node) => ({ node, hash: hashText(node.name), weight: node.weight || 1 }));
  const best = mostPreferred(keyHash, lots);
  if (best === undefined) throw new RangeError('there is no candidate to prefer');
  return best;
}

/** A node as it takes part. */
interface Lot<T extends Tied> {
  readonly node: T;
  readonly hash: number;
  /** Above 0. */
  readonly weight: number;
}

/** Lists of homes never change, and each is asked for with every read of a session: what follows from one is kept with it. */
const LOTS_OF_HOMES = new WeakMap<readonly Tied[], readonly Lot<Tied>[]>();

function homeAmong(keyHash: number, homes: readonly Tied[]): string | undefined {
  let lots = LOTS_OF_HOMES.get(homes);
  if (lots === undefined) {
    lots = homes
      .filter(({ weight }) => weight > 0)
      .map((node) => ({ node, hash: hashText(node.name), weight: node.weight }));
    LOTS_OF_HOMES.set(homes, lots);
  }
  return mostPreferred(keyHash, lots)?.name;
}

/** In proportion to the weights; equal ones are decided by name, so that all instances agree. */
function mostPreferred<T extends Tied>(keyHash: number, lots: readonly Lot<T>[]): T | undefined {
  let best: Lot<T> | undefined;
  let bestScore = 0;
  for (const lot of lots) {
    const score = rendezvousScore(keyHash, lot.hash);
    const isBetter =
      best === undefined ||
      (lot.weight === best.weight
        ? score > bestScore || (score === bestScore && lot.node.name < best.node.name)
        : timeOf(score, lot.weight) < timeOf(bestScore, best.weight));
    if (!isBetter) continue;
    best = lot;
    bestScore = score;
  }
  return best?.node;
}

/**
 * An exponential time with this rate: of several the shortest wins in proportion to their rates, and of equal rates the
 * higher score. (Engines whose logarithms differ in the last bit would disagree on one session in 10^15.)
 */
function timeOf(score: number, rate: number): number {
  return -Math.log((score + 0.5) / 2 ** 32) / rate;
}
