import { FAULTS, type Fault, type FaultName } from './fault-list.js';
import type { FaultStage } from './fault-stage.js';
import { LoadedApp, type LoadedAppOptions } from './loaded-app.js';
import { runFault, type FaultRecord } from './run-fault.js';
import { type VersionsAppOptions } from './versions-app.js';

/** The load of a test: small, so that what a test finds is no question of how busy the machine is. */
const LOAD = { readers: 8, writers: 2, thinkMs: 10 };

/** So many writers need rows. */
export const WRITERS = LOAD.writers;

/**
 * Nodes are looked at more often than by default, so that a test takes less time. Reads that only a replica can answer may wait longer
 * for it, because a busy machine replays slowly.
 */
const ROUTING = { monitor: { intervalMs: 100, probeTimeoutMs: 400 }, catchUpTimeoutMs: 10_000 };

const TIMING = {
  warmUpMs: 200,
  faultMs: 400,
  noticeTimeoutMs: 40_000,
  returnTimeoutMs: 40_000,
  afterMs: 100,
};

/** Runs a fault against an application of this process, with nestjs-replica. */
export async function watchFault(
  name: FaultName,
  stage: FaultStage,
  routing: VersionsAppOptions['routing'] = {},
): Promise<FaultRecord> {
  const fault: Fault = FAULTS[name];
  await stage.resetRows();
  const options: LoadedAppOptions = {
    app: {
      system: 'nestjs-replica',
      ...stage.addresses({ isProxied: fault.isProxied === true, query: fault.urlQuery }),
      routing: { ...ROUTING, ...routing },
    },
    load: { ...LOAD, reportMs: fault.reportMs ?? 0 },
    deadlineMs: 40_000,
  };
  const app = await LoadedApp.start(options);
  return runFault(name, { stage, app, system: 'nestjs-replica' }, TIMING);
}

/** What no fault of a single node may cost. */
export const HARMLESS = {
  failedReads: 0,
  failedWrites: 0,
  staleOwnReads: 0,
  nonMonotonicReads: 0,
  leakedConnections: 0,
  leakedListeners: 0,
} as const;
