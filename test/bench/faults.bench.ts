/**
 * What each fault of a node costs the users of an application under load, compared with TypeORM's own replication: failed, stale
 * and slow reads, how soon the fault is noticed, and how soon the node serves again. Each fault is real, on a cluster and in a
 * process of its own. `FAULTS_ONLY=replica-killed,black-hole` leaves out the others.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { FAULT_NAMES, type FaultName } from '../faults/support/fault-list.js';
import { TEST_DATABASE } from '../support/cluster/test-database.js';
import type { FaultResult } from './faults-run.js';
import { failUnless, isQuick, report, say, wantsJson } from './support/report.js';

const LONGEST_READ_MS = 1_000;
const OURS = 'nestjs-replica';

async function runFault(fault: FaultName): Promise<FaultResult[]> {
  const results: FaultResult[] = [];
  const run = fork(join(import.meta.dirname, 'faults-run.js'), {
    env: { ...process.env, FAULTS_RUN: JSON.stringify({ fault, isQuick }) },
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  run.on('message', (result: FaultResult) => results.push(result));
  const [code] = (await once(run, 'exit')) as [number | null];
  failUnless(code === 0, `${fault}: its process ended with ${code}`);
  return results;
}

/** What must hold in any case. */
function check(result: FaultResult): void {
  const { fault, system } = result;
  if (system !== OURS) return;
  if (!('reads' in result)) return failUnless(false, `${fault}: ${result.note}`);
  const { staleOwnReads, nonMonotonicReads, leakedConnections, leakedListeners } = result;
  failUnless(staleOwnReads === 0, `${fault}: ${staleOwnReads} reads lacked a write of their own session`);
  failUnless(nonMonotonicReads === 0, `${fault}: ${nonMonotonicReads} reads went back in time`);
  failUnless(leakedConnections === 0, `${fault}: ${leakedConnections} connections are left`);
  failUnless(leakedListeners === 0, `${fault}: ${leakedListeners} listeners are left`);
}

/** Targets. A missed one is reported but fails nothing, because a busy machine misses targets, too. */
function missed(result: FaultResult): string[] {
  if (result.system !== OURS || !('reads' in result)) return [];
  const { failedReads, failedWrites, longestReadMs } = result;
  return [
    ...(failedReads > 0 ? [`${failedReads} reads failed`] : []),
    ...(failedWrites > 0 ? [`${failedWrites} writes failed`] : []),
    ...(longestReadMs >= LONGEST_READ_MS ? [`a read took ${longestReadMs} ms`] : []),
  ];
}

function line(result: FaultResult): string {
  const { fault, system } = result;
  const title = `${fault.padEnd(20)} ${system.padEnd(20)}`;
  if (!('reads' in result)) return `${title} ${result.note}`;
  const { failedReads, failedWrites, staleOwnReads, nonMonotonicReads, readP99Ms, longestReadMs } = result;
  const misses = missed(result);
  return (
    `${title} failed ${failedReads}/${result.reads} reads ${failedWrites} writes, stale ${staleOwnReads}, ` +
    `back ${nonMonotonicReads}, p99 ${readP99Ms} ms, longest ${longestReadMs} ms, noticed ${result.noticedMs} ms, ` +
    `returned ${result.returnedMs} ms, leaked ${result.leakedConnections}` +
    (misses.length > 0 ? `  MISSED: ${misses.join(', ')}` : '')
  );
}

/** The columns of the table. */
function row(result: FaultResult): Record<string, unknown> {
  const { fault, system } = result;
  if (!('reads' in result)) return { fault, system, note: result.note };
  const { failedReads, failedWrites, staleOwnReads, nonMonotonicReads, readP99Ms, longestReadMs } = result;
  const { noticedMs, returnedMs, leakedConnections } = result;
  const wrong = { failedReads, failedWrites, staleOwnReads, nonMonotonicReads, leakedConnections };
  return { fault, system, ...wrong, readP99Ms, longestReadMs, noticedMs, returnedMs };
}

const asked = (process.env.FAULTS_ONLY ?? '').split(',').filter((name) => name !== '');
const faults: FaultResult[] = [];
for (const fault of FAULT_NAMES) {
  if (asked.length > 0 && !asked.includes(fault)) continue;
  for (const result of await runFault(fault)) {
    if (!wantsJson) say(line(result));
    check(result);
    faults.push(result);
  }
}
report({ bench: 'faults', database: TEST_DATABASE, faults }, faults.map(row));
