import { setTimeout as sleep } from 'node:timers/promises';

interface Step {
  /** How long after the step before; milliseconds. */
  readonly afterMs: number;
  readonly replica: string;
  readonly fault: 'pause' | 'resume' | 'kill' | 'start';
  readonly told: string;
}

/** It begins again after the last one. */
const STEPS: readonly Step[] = [
  { afterMs: 20_000, replica: 'replica-1', fault: 'pause', told: 'replica-1 stops replaying: its lag grows' },
  { afterMs: 20_000, replica: 'replica-1', fault: 'resume', told: 'replica-1 replays again' },
  { afterMs: 25_000, replica: 'replica-2', fault: 'kill', told: 'replica-2 is killed' },
  { afterMs: 15_000, replica: 'replica-2', fault: 'start', told: 'replica-2 starts again' },
];

/** Pauses and kills replicas by turns until `signal`. What is amiss then is mended. */
export async function causeFaults(
  url: string,
  log: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const cause = async ({ replica, fault }: Pick<Step, 'replica' | 'fault'>): Promise<number> =>
    (await post(`${url}/demo/replicas/${replica}/${fault}`)).status;
  let cure: Pick<Step, 'replica' | 'fault'> | undefined;
  try {
    for (let turn = 0; ; turn++) {
      const step = STEPS[turn % STEPS.length] as Step;
      await sleep(step.afterMs, undefined, { signal });
      const status = await cause(step);
      if (status === 404) {
        log('the shop has a database of its own choice, so no replica is paused or killed');
        return;
      }
      log(status === 204 ? step.told : `${step.replica}: could not ${step.fault} (${status})`);
      cure = turn % 2 === 0 ? STEPS[(turn + 1) % STEPS.length] : undefined;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    // The shop may be gone already, and its cluster with it.
    if (cure !== undefined) await cause(cure).catch(() => undefined);
  }
}

async function post(url: string): Promise<Response> {
  try {
    return await fetch(url, { method: 'POST' });
  } catch {
    throw new Error(`the shop does not answer any more at ${new URL(url).origin}`);
  }
}
