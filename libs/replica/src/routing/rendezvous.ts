/**
 * Rendezvous (highest random weight) hashing: a session is tied to one of the nodes by its key alone. No state is
 * kept, every application instance chooses alike, and when a node leaves only its own sessions move.
 */

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

/** The candidate that the key prefers; ties by name, so that all instances agree. Throws on an empty list. */
export function preferredBy<T extends { readonly name: string }>(
  keyHash: number,
  candidates: readonly T[],
): T {
  let best: T | undefined;
  let bestScore = -1;
  for (const candidate of candidates) {
    const score = rendezvousScore(keyHash, hashText(candidate.name));
    if (score > bestScore || (score === bestScore && best !== undefined && candidate.name < best.name)) {
      best = candidate;
      bestScore = score;
    }
  }
  if (best === undefined) throw new RangeError('there is no candidate to prefer');
  return best;
}
