import { describe, expect, it } from '@jest/globals';
import { FailureDetector, type FailureDetectorOptions } from './failure-detector.js';

const TIMEOUT_MS = 1_000;
const RESULT = { isReadOnly: false, position: 1n, epoch: 1 };

/** A primary that the test probes by hand, on a manual clock. */
function watched(changes: Partial<FailureDetectorOptions> = {}): {
  watch: FailureDetector;
  told: boolean[];
  again: string[];
  late: () => Promise<void>;
  refused: () => Promise<void>;
  answered: () => Promise<void>;
} {
  let nowMs = 0;
  let outcome: 'late' | 'refused' | 'answered' = 'answered';
  const told: boolean[] = [];
  const again: string[] = [];
  const watch = new FailureDetector({
    isPrimary: () => true,
    answeredMs: () => -Infinity,
    answersAnew: () => Promise.resolve(false),
    probeAgain: (node) => void again.push(node),
    changed: (_, isSilent) => void told.push(isSilent),
    nowMs: () => nowMs,
    ...changes,
  });
  const probe = watch.overhear('primary', {
    probe: (timeoutMs) => {
      nowMs += outcome === 'late' ? timeoutMs : 1;
      return outcome === 'answered' ? Promise.resolve(RESULT) : Promise.reject(new Error(outcome));
    },
    reconnect: () => undefined,
    close: () => Promise.resolve(),
  });
  const run = async (one: typeof outcome): Promise<void> => {
    outcome = one;
    const reason = one === 'answered' ? RESULT : new Error(one);
    expect(await probe.probe(TIMEOUT_MS).catch((error: unknown) => error)).toEqual(reason);
    // The second opinion takes a turn of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
  };
  return {
    watch,
    told,
    again,
    late: () => run('late'),
    refused: () => run('refused'),
    answered: () => run('answered'),
  };
}

describe('FailureDetector', () => {
  it('considers a primary silent after two late probes and no answer on a new connection', async () => {
    const { watch, told, again, late } = watched();
    await late();
    expect([watch.isSilent('primary'), again]).toEqual([false, ['primary']]);
    await late();
    expect([watch.isSilent('primary'), told]).toEqual([true, [true]]);
  });

  it('considers no primary silent that answers on a new connection', async () => {
    const { watch, told, late } = watched({ answersAnew: () => Promise.resolve(true) });
    for (let index = 0; index < 6; index++) await late();
    expect([watch.isSilent('primary'), told]).toEqual([false, []]);
  });

  it('considers no primary silent that has answered a statement since the first late probe began', async () => {
    let asked = 0;
    const { watch, late } = watched({
      answeredMs: () => 1_500,
      answersAnew: () => Promise.resolve(asked++ < 0),
    });
    await late();
    await late();
    expect([watch.isSilent('primary'), asked]).toEqual([false, 0]);
    // It has answered nothing since then.
    await late();
    await late();
    expect([watch.isSilent('primary'), asked]).toEqual([true, 1]);
  });

  it('considers no primary silent whose probes fail at once, because trying costs no time', async () => {
    const { watch, refused } = watched();
    for (let index = 0; index < 6; index++) await refused();
    expect([watch.isSilent('primary'), watch.hasFailed('primary')]).toEqual([false, true]);
  });

  it('counts only late probes in a row', async () => {
    const { watch, late, answered } = watched();
    await late();
    await answered();
    await late();
    expect(watch.isSilent('primary')).toBe(false);
  });

  it.each(['answered', 'refused'] as const)('ends the silence after a probe that is %s', async (outcome) => {
    const watching = watched();
    await watching.late();
    await watching.late();
    await watching[outcome]();
    expect([watching.watch.isSilent('primary'), watching.told]).toEqual([false, [true, false]]);
    expect(watching.watch.hasFailed('primary')).toBe(outcome === 'refused');
  });

  it('ends the silence if only the probes stay late, so that the monitor is not wrong for ever', async () => {
    let answers = false;
    const { watch, late } = watched({ answersAnew: () => Promise.resolve(answers) });
    await late();
    await late();
    expect(watch.isSilent('primary')).toBe(true);
    answers = true;
    await late();
    expect(watch.isSilent('primary')).toBe(false);
  });

  it.each([true, false])(
    'knows which node last said that it is a standby (as the primary: %p)',
    async (isPrimary) => {
      let reconnects = 0;
      const { watch } = watched({ isPrimary: () => isPrimary });
      let isReadOnly = false;
      const probe = watch.overhear('one', {
        probe: () => Promise.resolve({ ...RESULT, isReadOnly }),
        reconnect: () => void reconnects++,
        close: () => Promise.resolve(),
      });
      await probe.probe(TIMEOUT_MS);
      expect([watch.isStandby('one'), reconnects]).toEqual([false, 0]);
      isReadOnly = true;
      await probe.probe(TIMEOUT_MS);
      // The supposed primary gets its next probe on a new connection, because its address may have moved.
      expect([watch.isStandby('one'), reconnects]).toEqual([true, isPrimary ? 1 : 0]);
      await probe.close();
      expect(watch.isStandby('one')).toBe(false);
    },
  );

  it('does not ask for a second opinion about a replica', async () => {
    let asked = 0;
    const { watch, late, again } = watched({
      isPrimary: () => false,
      answersAnew: () => Promise.resolve(asked++ < 0),
    });
    for (let index = 0; index < 4; index++) await late();
    expect([watch.isSilent('primary'), asked, again]).toEqual([false, 0, []]);
  });

  it('believes a probe that is answered while it asks for a second opinion', async () => {
    let opinion: ((answers: boolean) => void) | undefined;
    const { watch, late, answered } = watched({
      answersAnew: () => new Promise((resolve) => (opinion = resolve)),
    });
    await late();
    await late();
    await answered();
    opinion?.(false);
    await new Promise((resolve) => setImmediate(resolve));
    expect(watch.isSilent('primary')).toBe(false);
  });
});
