import { join } from 'node:path';
import { FAULTS, type Fault, type FaultName } from '../faults/support/fault-list.js';
import { FaultStage } from '../faults/support/fault-stage.js';
import type { LoadedAppOptions } from '../faults/support/loaded-app.js';
import { runFault, type FaultRecord } from '../faults/support/run-fault.js';
import { SYSTEMS, type System } from '../faults/support/versions-app.js';
import { AppEndedError, forkApp, type RemoteApp } from './support/faults-rpc.js';
import { planFor, type FaultPlan } from './support/faults-timing.js';

/** One fault of the benchmark `faults`: a cluster of its own, with the application of each system on it, one after the other. */
export interface FaultRunOptions {
  readonly fault: FaultName;
  readonly isQuick: boolean;
}

/** What is reported of each system. */
export type FaultResult = FaultRecord | { fault: FaultName; system: System; note: string };

const APP = join(import.meta.dirname, 'faults-app.js');

function appOptions(fault: Fault, stage: FaultStage, system: System, plan: FaultPlan): LoadedAppOptions {
  const isSlow = fault.notice === 'ineligible' && plan.maxLagMs !== undefined;
  return {
    app: {
      system,
      ...stage.addresses({ isProxied: fault.isProxied === true, query: fault.urlQuery }),
      routing: { ...fault.routing, ...(isSlow ? { maxLagMs: plan.maxLagMs } : {}) },
    },
    load: { ...plan.load, reportMs: fault.reportMs ?? 0 },
    deadlineMs: plan.deadlineMs,
  };
}

/** The system that runs now. */
interface SystemRun {
  readonly name: FaultName;
  readonly stage: FaultStage;
  readonly system: System;
  readonly plan: FaultPlan;
  /** Processes for its application, and for another one that tries to start during the fault. */
  readonly remote: RemoteApp;
  readonly second: RemoteApp | undefined;
}

async function runSystem(run: SystemRun): Promise<FaultResult> {
  const { name, stage, system, plan, remote, second } = run;
  const fault: Fault = FAULTS[name];
  await stage.resetRows();
  try {
    const app = await remote.start(appOptions(fault, stage, system, plan));
    const record = await runFault(name, { stage, app, system }, plan.timing);
    return second === undefined ? record : { ...record, ...(await tryStart(run, second)) };
  } catch (error) {
    if (!(error instanceof AppEndedError)) throw error;
    await stage.heal();
    return { fault: name, system, note: `the process ended: ${error.reason}` };
  } finally {
    await Promise.all([remote.end(), second?.end()]);
  }
}

/** Whether an application starts during the fault. */
async function tryStart(
  { name, stage, system, plan }: SystemRun,
  remote: RemoteApp,
): Promise<{ startsMeanwhile: boolean; note?: string }> {
  const fault: Fault = FAULTS[name];
  const mend = await fault.inject({ stage, app: undefined as never, faultMs: 0 });
  try {
    await remote.start({ ...appOptions(fault, stage, system, plan), isStartOnly: true });
    return { startsMeanwhile: true };
  } catch (error) {
    if (!(error instanceof AppEndedError)) throw error;
    return { startsMeanwhile: false, note: `does not start meanwhile: ${error.reason}` };
  } finally {
    await mend();
  }
}

const { fault: name, isQuick } = JSON.parse(process.env.FAULTS_RUN ?? '{}') as FaultRunOptions;
process.once('disconnect', () => process.exit());
const fault: Fault = FAULTS[name];
const systems = SYSTEMS.filter((system) => system === 'nestjs-replica' || fault.notForTypeOrm === undefined);
const processes = systems.map((system) => ({
  system,
  remote: forkApp(APP),
  second: fault.isStartTried === true ? forkApp(APP) : undefined,
}));
const stage = await FaultStage.set(fault.settings, planFor('nestjs-replica', isQuick).load.writers);
try {
  await fault.setUp?.(stage.primary);
  await stage.cluster.waitForCatchUp();
  for (const one of processes) {
    process.send?.(await runSystem({ name, stage, plan: planFor(one.system, isQuick), ...one }));
  }
  if (fault.notForTypeOrm !== undefined) {
    const note = `takes no part: ${fault.notForTypeOrm}`;
    process.send?.({ fault: name, system: 'typeorm-replication', note } satisfies FaultResult);
  }
} finally {
  await stage.clear();
}
process.disconnect();
