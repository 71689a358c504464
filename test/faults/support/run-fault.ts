import type { AppUnderFault, LoadReport } from './app-under-fault.js';
import { eventually, nowMs } from './clock.js';
import { APPLICATIONS, FAULTS, type Fault, type FaultName } from './fault-list.js';
import type { FaultStage } from './fault-stage.js';
import { forDatabase } from '../../support/cluster/test-database.js';
import { POOL_SIZE, type System } from './versions-app.js';

/** How long the parts of a run take; milliseconds. */
export interface FaultTiming {
  readonly warmUpMs: number;
  /** How long a fault lasts, at least; longer until the monitor has noticed it. */
  readonly faultMs: number;
  readonly noticeTimeoutMs: number;
  readonly returnTimeoutMs: number;
  /** How long the load goes on when everything is back. */
  readonly afterMs: number;
}

/** What a fault did to an application. Durations in milliseconds; `null`: it does not apply, or did not happen in time. */
export interface FaultRecord extends LoadReport {
  readonly fault: FaultName;
  readonly system: System;
  /** From the fault until the monitor showed it. */
  readonly noticedMs: number | null;
  /** From its end until the node served again. */
  readonly returnedMs: number | null;
  /** On the servers and in the process: beyond the pools' sizes while the application ran, and at all when it had ended. */
  readonly leakedConnections: number;
  readonly leakedListeners: number;
  /** Acknowledged writes that a lost primary had not yet sent to anybody. */
  readonly lostWrites: number;
  readonly evidence: Readonly<Record<string, number>>;
}

/** New writes may fail until so long after a promotion. */
const WRITES_BACK_MS = 2_000;

/** Where a fault happens. */
export interface FaultPlace {
  readonly stage: FaultStage;
  readonly app: AppUnderFault;
  readonly system: System;
}

/** Runs one fault against an application: from quiet load through the fault to quiet load, and to the application's end. */
export async function runFault(
  name: FaultName,
  place: FaultPlace,
  timing: FaultTiming,
): Promise<FaultRecord> {
  try {
    return await runCourse(name, place, timing);
  } catch (error) {
    await Promise.allSettled([place.app.stopLoad(), place.app.close()]);
    throw error;
  }
}

async function runCourse(
  name: FaultName,
  { stage, app, system }: FaultPlace,
  timing: FaultTiming,
): Promise<FaultRecord> {
  const fault: Fault = FAULTS[name];
  const scene = { stage, app, faultMs: timing.faultMs };
  await app.startLoad();
  await sleep(timing.warmUpMs);
  const preparedMs = await prepare(fault, scene);
  const nodes = (fault.nodes?.(stage) ?? [stage.victim]).map((node) => node.name);
  const faultMs = nowMs();
  const noticing =
    fault.notice === undefined
      ? Promise.resolve(null)
      : app.noticed(fault.notice, nodes, timing.faultMs + timing.noticeTimeoutMs);
  const mend = await fault.inject(scene);
  if (fault.isBrief !== true) await Promise.all([sleep(timing.faultMs), noticing]);
  const mended = await mend();
  const mendedMs = nowMs();
  const returnedMs = await (fault.returns === 'writes'
    ? app.wrote(mendedMs, timing.returnTimeoutMs)
    : app.served(nodes, timing.returnTimeoutMs));
  if (fault.returns === 'writes') {
    await stage.followPrimary();
    await sleep(mendedMs + WRITES_BACK_MS - nowMs());
  }
  await sleep(timing.afterMs);
  await app.stopLoad();
  const noticedMs = await noticing;
  const report = await app.report({
    faultMs,
    readsDueMs: preparedMs,
    writesDueMs: fault.returns === 'writes' ? mendedMs + WRITES_BACK_MS : preparedMs,
  });
  const evidence = (await fault.evidence?.(stage)) ?? {};
  const leaks = await endAndCountLeaks(stage, app, system);
  return {
    fault: name,
    system,
    ...report,
    noticedMs: noticedMs === null ? null : Math.round(noticedMs - faultMs),
    returnedMs: returnedMs === null ? null : Math.round(returnedMs - mendedMs),
    ...leaks,
    lostWrites: lostBy(mended),
    evidence,
  };
}

/** Gives the instant from which on nothing may fail any more. */
async function prepare(fault: Fault, scene: Parameters<Fault['inject']>[0]): Promise<number> {
  if (fault.prepare === undefined) return 0;
  await fault.prepare(scene);
  await scene.app.wrote(nowMs(), WRITES_BACK_MS);
  return nowMs();
}

/** To each node. On MariaDB a second one waits for what a replica has to replay. */
const CONNECTIONS_OF_MONITOR = forDatabase({ postgres: 1, mariadb: 2 });

async function endAndCountLeaks(
  stage: FaultStage,
  app: AppUnderFault,
  system: System,
): Promise<Pick<FaultRecord, 'leakedConnections' | 'leakedListeners'>> {
  await stage.heal();
  const allowed = POOL_SIZE + (system === 'nestjs-replica' ? CONNECTIONS_OF_MONITOR : 0);
  const beyond = await countBeyond(stage, allowed);
  const { leakedListeners, leakedSockets } = await app.close();
  const left = await countBeyond(stage, 0);
  return { leakedConnections: beyond + left + leakedSockets, leakedListeners };
}

/** Servers take a moment to notice the end of a connection. */
async function countBeyond(stage: FaultStage, allowed: number): Promise<number> {
  let beyond = 0;
  await eventually(async () => {
    const counts = Object.values(await stage.connections(APPLICATIONS));
    beyond = counts.reduce((sum, count) => sum + Math.max(0, count - allowed), 0);
    return beyond === 0 || undefined;
  }, 3_000);
  return beyond;
}

function lostBy(mended: unknown): number {
  return typeof mended === 'object' && mended !== null && 'lostWrites' in mended
    ? Number(mended.lostWrites)
    : 0;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
