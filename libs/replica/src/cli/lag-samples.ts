import type { Topology } from '../topology/topology.js';

/** How far a replica was behind while it was watched. */
export interface LagDistribution {
  readonly name: string;
  /** Milliseconds; `null` if there is no sample. Half of the samples are at most this. */
  readonly p50Ms: number | null;
  readonly p95Ms: number | null;
  readonly maxMs: number | null;
  /** Some samples only tell the least lag: the replica never had what the primary had when it was first asked. */
  readonly isAtLeast: boolean;
  readonly samples: number;
  /** How many samples are missing, because the replica did not answer or was not up. */
  readonly missed: number;
}

interface Sampled {
  readonly lagsMs: number[];
  missed: number;
  isAtLeast: boolean;
}

/** Collects the lag of each replica. */
export class LagSamples {
  readonly #byName = new Map<string, Sampled>();
  #firstMs: number | undefined;
  /** The primary never answered, so nothing can be measured. */
  isPrimaryMissing = true;

  /** Takes a sample of each replica. */
  take({ primary, replicas }: Topology, nowMs: number): void {
    if (primary.health === 'up') this.isPrimaryMissing = false;
    this.#firstMs ??= primary.health === 'up' ? nowMs : undefined;
    for (const { name, health, lagMs, position } of replicas) {
      const sampled = this.#of(name);
      if (health !== 'up' || primary.health !== 'up' || position === undefined) sampled.missed += 1;
      else if (lagMs !== undefined) sampled.lagsMs.push(lagMs);
      else {
        // It has not even what the primary had when it was first asked.
        sampled.lagsMs.push(nowMs - (this.#firstMs ?? nowMs));
        sampled.isAtLeast = true;
      }
    }
  }

  distributions(): readonly LagDistribution[] {
    return Array.from(this.#byName, ([name, { lagsMs, missed, isAtLeast }]) => {
      const sorted = lagsMs.toSorted((a, b) => a - b);
      return {
        name,
        p50Ms: percentile(sorted, 0.5),
        p95Ms: percentile(sorted, 0.95),
        maxMs: percentile(sorted, 1),
        isAtLeast,
        samples: sorted.length,
        missed,
      };
    });
  }

  #of(name: string): Sampled {
    let sampled = this.#byName.get(name);
    if (sampled === undefined)
      this.#byName.set(name, (sampled = { lagsMs: [], missed: 0, isAtLeast: false }));
    return sampled;
  }
}

/** The least sample that at least this share of them does not exceed; rounded to a tenth of a millisecond. */
function percentile(sorted: readonly number[], share: number): number | null {
  const sample = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  return sample === undefined ? null : Math.round(sample * 10) / 10;
}
