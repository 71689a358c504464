import type { Home, Topology } from '../topology/topology.js';

/**
 * Rendezvous (highest random weight) hashing: the key alone ties a session to one of the nodes. No state is kept, every
 * instance of the application chooses alike, and when a node leaves only its own sessions move.
 */

/** The part of the topology that says which replica a session is tied to. */
export type KnownHomes = Pick<Topology, 'homes' | 'formerHomes'>;

/** The homes changed lately, so nobody knows which replica the session read from last. */
export const UNKNOWN_HOME: unique symbol = Symbol('somewhere');

/** A 32-bit hash of a text (FNV-1a). */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}

/** How much the owner of `keyHash` prefers the node with `nodeHash`: unsigned 32 bits, larger wins. */
function rendezvousScore(keyHash: number, nodeHash: number): number {
  let mixed = Math.imul(keyHash ^ Math.imul(nodeHash, 0x9e3779b1), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}

/**
 * The replica that the session's key ties it to, whatever the health and the roles of the nodes. A replica of weight 0 is
 * nobody's home. `undefined`: every replica has weight 0, or there is none.
 */
export function homeOf(
  keyHash: number,
  { homes, formerHomes }: KnownHomes,
): string | typeof UNKNOWN_HOME | undefined {
  const home = homeAmong(keyHash, homes);
  if (formerHomes === undefined) return home;
  for (const former of formerHomes) {
    if (homeAmong(keyHash, former) !== home) return UNKNOWN_HOME;
  }
  return home;
}

/** The candidate that the key prefers. Weight 0 counts as 1, because the read asked for that node. Throws on an empty list. */
export function preferredBy<T extends Home>(keyHash: number, candidates: readonly T[]): T {
  const lots = candidates.map((node) => ({ node, hash: hashText(node.name), weight: node.weight || 1 }));
  const best = mostPreferred(keyHash, lots);
  if (best === undefined) throw new RangeError('there is no candidate to prefer');
  return best;
}

interface Lot<T extends Home> {
  readonly node: T;
  readonly hash: number;
  /** Above 0. */
  readonly weight: number;
}

/** Caches the draw of each list of homes. A list never changes, and every read of a session needs its draw. */
const LOTS_OF_HOMES = new WeakMap<readonly Home[], readonly Lot<Home>[]>();

function homeAmong(keyHash: number, homes: readonly Home[]): string | undefined {
  let lots = LOTS_OF_HOMES.get(homes);
  if (lots === undefined) {
    lots = homes
      .filter(({ weight }) => weight > 0)
      .map((node) => ({ node, hash: hashText(node.name), weight: node.weight }));
    LOTS_OF_HOMES.set(homes, lots);
  }
  return mostPreferred(keyHash, lots)?.name;
}

/** Prefers nodes in proportion to their weights. The name breaks ties, so that all instances agree. */
function mostPreferred<T extends Home>(keyHash: number, lots: readonly Lot<T>[]): T | undefined {
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
 * Turns a score into an exponentially distributed time with this rate. The shortest of several times wins with a chance in
 * proportion to its rate; between equal rates the higher score wins. (JavaScript engines whose logarithms differ in the
 * last bit would disagree on one session in 10^15.)
 */
function timeOf(score: number, rate: number): number {
  return -Math.log((score + 0.5) / 2 ** 32) / rate;
}
