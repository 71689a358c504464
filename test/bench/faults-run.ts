import { join } from 'node:path';
import { FAULTS, type Fault, type FaultName } from '../faults/support/fault-list.js';
import { FaultStage } from '../faults/support/fault-stage.js';
import type { LoadedAppOptions } from '../faults/support/loaded-app.js';
import { runFault, type FaultRecord } from '../faults/support/run-fault.js';
import { SYSTEMS, type System } from '../faults/support/versions-app.js';
import { AppEndedError, startRemoteApp } from './support/faults-rpc.js';
import { planFor, type FaultPlan } from './support/faults-timing.js';

/** One fault of the benchmark `faults`: a cluster of its own, and each system's application on it, one after the other. */
export interface FaultRunOptions {
  readonly fault: FaultName;
  readonly isQuick: boolean;
}

/** What is told of each system. */
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

async function runSystem(
  name: FaultName,
  stage: FaultStage,
  system: System,
  isQuick: boolean,
): Promise<FaultResult> {
  const fault: Fault = FAULTS[name];
  if (system === 'typeorm-replication' && fault.notForTypeOrm !== undefined)
    return { fault: name, system, note: `takes no part: ${fault.notForTypeOrm}` };
  const plan = planFor(system, isQuick);
  await stage.resetRows();
  const { app, end } = await startRemoteApp(APP, appOptions(fault, stage, system, plan));
  try {
    const record = await runFault(name, { stage, app, system }, plan.timing);
    return fault.isStartTried === true
      ? { ...record, ...(await tryStart(fault, stage, system, plan)) }
      : record;
  } catch (error) {
    if (!(error instanceof AppEndedError)) throw error;
    await stage.heal();
    return { fault: name, system, note: `the process ended: ${error.reason}` };
  } finally {
    await end();
  }
}

/** Whether an application starts while the fault is there. */
async function tryStart(
  fault: Fault,
  stage: FaultStage,
  system: System,
  plan: FaultPlan,
): Promise<{ startsMeanwhile: boolean; note?: string }> {
  const mend = await fault.inject({ stage, app: undefined as never, faultMs: 0 });
  try {
    const { end } = await startRemoteApp(APP, {
      ...appOptions(fault, stage, system, plan),
      isStartOnly: true,
    });
    await end();
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
const stage = await FaultStage.set(fault.settings, planFor('nestjs-replica', isQuick).load.writers);
try {
  await fault.setUp?.(stage.primary);
  await stage.cluster.waitForCatchUp();
  for (const system of SYSTEMS) process.send?.(await runSystem(name, stage, system, isQuick));
} finally {
  await stage.clear();
}
process.disconnect();
