import { exponential } from '../../support/random.js';
import { percentile } from './report.js';

/** One server that many instances ask at random times. */
export interface QueuedServer {
  /** How many requests come in a second, all instances together. */
  readonly perSecond: number;
  /** The processor time that one of them takes. */
  readonly serviceUs: number;
  /** The processors that serve them. */
  readonly processors: number;
}

export interface QueueOutcome {
  /** The share of the processors' time that the requests take; above 1 the queue grows for ever. */
  readonly utilization: number;
  /** How long all but the slowest hundredth take, from their arrival to their end. */
  readonly p99Ms: number;
}

/** So many arrivals are played. */
const ARRIVALS = 200_000;

/**
 * Plays the arrivals of independent instances (a Poisson process) at a server that serves in the order of arrival. `random` gives numbers
 * from 0 to 1.
 */
export function playQueue(
  { perSecond, serviceUs, processors }: QueuedServer,
  random: () => number,
): QueueOutcome {
  const freeAtUs = Array.from({ length: processors }, () => 0);
  const tookMs: number[] = [];
  let nowUs = 0;
  for (let n = 0; n < ARRIVALS; n++) {
    nowUs += exponential(random, 1_000_000 / perSecond);
    const first = indexOfSmallest(freeAtUs);
    const endsAtUs = Math.max(nowUs, freeAtUs[first] as number) + serviceUs;
    freeAtUs[first] = endsAtUs;
    tookMs.push((endsAtUs - nowUs) / 1000);
  }
  const utilization = (perSecond * serviceUs) / (processors * 1_000_000);
  return { utilization, p99Ms: percentile(tookMs, 0.99) };
}

function indexOfSmallest(values: readonly number[]): number {
  let smallest = 0;
  for (let index = 1; index < values.length; index++)
    if ((values[index] as number) < (values[smallest] as number)) smallest = index;
  return smallest;
}
