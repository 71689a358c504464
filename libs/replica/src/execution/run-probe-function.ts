import type { ProbeResult } from '../topology/node-probe.js';
import type { ProbeFunction, ProbeVerdict } from '../topology/probe-function.js';
import { kindOfFailure } from '../errors/safe-message.error.js';

/** The user's own probe, and the node that it probes. */
export interface ProbeSubject {
  readonly name: string;
  readonly address: string;
  readonly probe: ProbeFunction;
}

/** Runs a query on the probe's connection and returns its rows. */
export type ProbeQuery = (sql: string, values: unknown[] | undefined) => Promise<unknown[]>;

/** Runs the user's own probe on a node that has answered, and adds its verdict to the answer. Never rejects. */
export async function runProbeFunction(
  { name, address, probe }: ProbeSubject,
  runQuery: ProbeQuery,
  answer: ProbeResult,
): Promise<ProbeResult> {
  let hasEnded = false;
  try {
    const verdict = await probe({
      name,
      address,
      role: answer.isReadOnly ? 'replica' : 'primary',
      query: async (sql, values) => {
        if (hasEnded) throw new Error('the probe has ended: its connection is not yours any more');
        return (await runQuery(sql, values === undefined ? undefined : [...values])) as never;
      },
    });
    return { ...answer, ...read(verdict) };
  } catch (error) {
    return { ...answer, problem: `monitor.probe: ${kindOfFailure(error)}` };
  } finally {
    hasEnded = true;
  }
}

function read(verdict: ProbeVerdict): Pick<ProbeResult, 'problem' | 'minLagMs'> {
  if (verdict === false) return { problem: 'monitor.probe said no' };
  if (typeof verdict !== 'object' || verdict === null || verdict.lagMs === undefined) return {};
  const { lagMs } = verdict;
  return typeof lagMs === 'number' && Number.isFinite(lagMs) && lagMs >= 0
    ? { minLagMs: lagMs }
    : {
        problem: `monitor.probe gave a lagMs that is no number from 0: ${typeof lagMs === 'number' ? lagMs : typeof lagMs}`,
      };
}
