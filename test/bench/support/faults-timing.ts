import type { LoadShape } from '../../faults/support/checked-load.js';
import type { FaultTiming } from '../../faults/support/run-fault.js';
import type { System } from '../../faults/support/versions-app.js';

/** What a run of one fault is made of. */
export interface FaultPlan {
  readonly load: LoadShape;
  readonly timing: FaultTiming;
  /** Who has no answer by then counts as failed; milliseconds. */
  readonly deadlineMs: number;
  /** Of nestjs-replica, where a fault is that a replica falls behind; `undefined`: its default. */
  readonly maxLagMs: number | undefined;
}

const LOAD: LoadShape = { readers: 32, writers: 4, thinkMs: 40, reportMs: 0 };

/** A quick run shows that all is right, and what the order of the figures is; it spares TypeORM's part most. */
export function planFor(system: System, isQuick: boolean): FaultPlan {
  if (!isQuick) {
    return {
      load: LOAD,
      timing: {
        warmUpMs: 3_000,
        faultMs: 6_000,
        noticeTimeoutMs: 12_000,
        returnTimeoutMs: 15_000,
        afterMs: 2_000,
      },
      deadlineMs: 10_000,
      maxLagMs: undefined,
    };
  }
  return system === 'nestjs-replica'
    ? {
        load: LOAD,
        timing: {
          warmUpMs: 500,
          faultMs: 1_000,
          noticeTimeoutMs: 3_000,
          returnTimeoutMs: 4_000,
          afterMs: 300,
        },
        deadlineMs: 3_000,
        maxLagMs: 1_000,
      }
    : {
        load: LOAD,
        timing: { warmUpMs: 300, faultMs: 700, noticeTimeoutMs: 0, returnTimeoutMs: 1_000, afterMs: 100 },
        deadlineMs: 1_500,
        maxLagMs: undefined,
      };
}
