import type { LoadShape } from '../../faults/support/checked-load.js';
import type { FaultTiming } from '../../faults/support/run-fault.js';
import type { System } from '../../faults/support/versions-app.js';

/** The timing of the run of one fault. */
export interface FaultPlan {
  readonly load: LoadShape;
  readonly timing: FaultTiming;
  /** A request without an answer by then counts as failed; milliseconds. */
  readonly deadlineMs: number;
  /** Of nestjs-replica, where a fault is that a replica falls behind; `undefined`: its default. */
  readonly maxLagMs: number | undefined;
}

const LOAD: LoadShape = { readers: 32, writers: 4, thinkMs: 40, reportMs: 0 };

/** A quick run shows that everything works, and the order of magnitude of the figures. It shortens TypeORM's part most. */
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
