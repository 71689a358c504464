import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { SessionClock } from '../session/session-clock.js';
import { Ledger } from './ledger.js';

const UNKNOWN_FOR_MS = 1_000;

function newLedger(): Ledger {
  return new Ledger({
    sticky: { mode: 'position' },
    clock: new SessionClock({ keptMs: 30_000 }),
    unknownForMs: UNKNOWN_FOR_MS,
    capture: () => Promise.reject(new Error('asked by nobody here')),
    hurry: () => undefined,
  });
}

/** Writes whose captures are answered by hand, by number. */
function handled(): { ledger: Ledger; write: () => void; answer: (index: number) => Promise<void> } {
  const ledger = newLedger();
  const answers: (() => void)[] = [];
  return {
    ledger,
    write: () => {
      ledger.begin();
      const position = BigInt(answers.length + 1);
      ledger.learn(new Promise((resolve) => answers.push(() => resolve(position))));
    },
    answer: async (index) => {
      answers[index]?.();
      await Promise.resolve();
    },
  };
}

describe('the states of a write', () => {
  const of = (ledger: Ledger): object => {
    const { isPending, isUnderWay, isLearning, isUncovered, isUnconfirmed, position, isUnsaved } = ledger;
    const states = { isPending, isUnderWay, isLearning, isUncovered, isUnconfirmed, isUnsaved };
    const names = Object.entries(states).flatMap(([name, holds]) => (holds ? [name] : []));
    return { names, position };
  };

  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it.each<[string, (ledger: Ledger) => void, string[], bigint | undefined]>([
    ['open', () => undefined, ['isPending', 'isUnderWay'], undefined],
    ['gone', (ledger) => ledger.abandon(), [], undefined],
    [
      'learning',
      (ledger) => ledger.learn(new Promise(() => undefined)),
      ['isPending', 'isUnderWay', 'isLearning'],
      undefined,
    ],
    ['covered', (ledger) => ledger.coverBy({ position: 7n, sightings: 0 }), ['isUnsaved'], 7n],
    ['covered by a capture', (ledger) => ledger.learn(Promise.resolve(7n)), ['isUnsaved'], 7n],
    ['uncovered', (ledger) => ledger.leaveUncovered(), ['isPending', 'isUncovered', 'isUnsaved'], undefined],
    [
      'uncovered after a capture that failed',
      (ledger) => ledger.learn(Promise.reject(new Error('the primary tells none'))),
      ['isPending', 'isUncovered', 'isUnsaved'],
      undefined,
    ],
    ['unconfirmed', (ledger) => ledger.lose(), ['isUnconfirmed', 'isUnsaved'], undefined],
  ])('%s', async (_, move, names, position) => {
    const ledger = newLedger();
    ledger.begin();
    move(ledger);
    await Promise.resolve();
    expect(of(ledger)).toEqual({ names, position });
    ledger.takeToSave();
    jest.advanceTimersByTime(UNKNOWN_FOR_MS);
    const lasting = ['isPending', 'isUnderWay', 'isLearning'];
    expect(of(ledger)).toEqual({
      names: names.includes('isUnderWay') ? names.filter((name) => lasting.includes(name)) : [],
      position,
    });
  });
});

describe('what a request has written', () => {
  it('is settled at once if nothing is being learned', () => {
    const told: string[] = [];
    handled().ledger.whenSettled(() => told.push('settled'));
    expect(told).toEqual(['settled']);
  });

  it('is settled by the captures under way at that time, whatever is written later', async () => {
    const { ledger, write, answer } = handled();
    const told: string[] = [];
    write();
    write();
    ledger.whenSettled(() => told.push('first'));
    write();
    ledger.whenSettled(() => told.push('second'));
    await answer(1);
    expect(told).toEqual([]);
    await answer(0);
    expect([told, ledger.position, ledger.isLearning]).toEqual([['first'], 2n, true]);
    write();
    await answer(2);
    expect([told, ledger.isLearning]).toEqual([['first', 'second'], true]);
    await answer(3);
    expect([ledger.position, ledger.isLearning]).toEqual([4n, false]);
  });

  it('is settled in order, even if captures are answered in another order', async () => {
    const { ledger, write, answer } = handled();
    const told: string[] = [];
    write();
    ledger.whenSettled(() => told.push('first'));
    write();
    ledger.whenSettled(() => told.push('second'));
    await answer(1);
    expect(told).toEqual([]);
    await answer(0);
    expect(told).toEqual(['first', 'second']);
  });
});
