import { getHeapStatistics } from 'node:v8';
import { percentile, rounded } from './report.js';

/** Something that takes nanoseconds. */
export interface SmallCall<Input> {
  readonly what: string;
  /** Makes the arguments of the next calls, outside the measurement. */
  readonly inputs: (count: number) => readonly Input[];
  readonly call: (input: Input) => unknown;
  /** Default 500, so most batches end before the system gives the processor to another process. Fewer for slow calls. */
  readonly callsPerBatch?: number;
  /** Throws if this is not the right result. */
  readonly check: (result: unknown) => void;
}

export interface CallCost {
  readonly what: string;
  /** The median of batches. */
  readonly nsPerCall: number;
  readonly bytesPerCall: number;
}

const CALLS_PER_BATCH = 500;

/**
 * The time and the newly allocated memory that one call takes. Needs a process whose young generation is so large that nothing is
 * collected within a batch.
 */
export function timeCalls<Input>(small: SmallCall<Input>, batches: number): CallCost {
  const batchNs: number[] = [];
  const batchBytes: number[] = [];
  const warmUps = Math.ceil(batches / 3);
  for (let batch = -warmUps; batch < batches; batch++) {
    const inputs = small.inputs(small.callsPerBatch ?? CALLS_PER_BATCH);
    const before = getHeapStatistics().used_heap_size;
    const startedNs = process.hrtime.bigint();
    const last = runBatch(small, inputs);
    const tookNs = Number(process.hrtime.bigint() - startedNs);
    const bytes = getHeapStatistics().used_heap_size - before;
    small.check(last);
    if (batch < 0) continue;
    batchNs.push(tookNs / inputs.length);
    // Less than none: something was collected after all.
    if (bytes >= 0) batchBytes.push(bytes / inputs.length);
  }
  return {
    what: small.what,
    nsPerCall: rounded(percentile(batchNs, 0.5), 1),
    bytesPerCall: rounded(percentile(batchBytes, 0.5), 1),
  };
}

function runBatch<Input>({ call }: SmallCall<Input>, inputs: readonly Input[]): unknown {
  let last: unknown;
  for (const input of inputs) last = call(input);
  return last;
}
