import { describe, expect, it } from '@jest/globals';
import type { RecordedEvent } from '../../src/observability/recent-events.js';
import { PRIMARY_REASONS, REPLICA_REASONS } from '../../src/routing/route.js';
import { isTrouble, REASONS, sayEvent } from './words.js';

describe('the plain words', () => {
  it('are one sentence for each reason, and no other', () => {
    expect(Object.keys(REASONS).toSorted()).toEqual(
      [...PRIMARY_REASONS, ...REPLICA_REASONS].filter(isFirst).toSorted(),
    );
    for (const sentence of Object.values(REASONS)) expect(sentence).toMatch(/^[A-Z].*\.$/);
  });

  it.each<[object, string | undefined, boolean]>([
    [
      { event: 'node:down', problem: 'connect ECONNREFUSED' },
      'replica-1 is out of rotation: connect ECONNREFUSED.',
      true,
    ],
    [{ event: 'node:up' }, 'replica-1 is in rotation.', false],
    [
      { event: 'lag:high', lagMs: 5_000 },
      'replica-1 lags 5 s, and gets half of its share of the reads.',
      true,
    ],
    [
      { event: 'topology:changed', because: 'configuration', added: ['a', 'b'], removed: ['c'] },
      'The list of nodes changed: a joined, b joined and c left.',
      false,
    ],
    [
      {
        event: 'topology:changed',
        because: 'draining',
        topology: { replicas: [{ name: 'a', isDraining: true }] },
      },
      'a: no new reads, being drained.',
      false,
    ],
    [
      { event: 'statement', kind: 'read', node: 'a', errorCode: 'ECONNRESET', isFinal: false, tables: ['t'] },
      'A read failed on a (ECONNRESET), and was tried again.',
      false,
    ],
    [
      { event: 'statement', kind: 'write', node: 'a', errorCode: 'unknown', isFinal: true, tables: ['t'] },
      'A statement of t failed on a; its caller got the error.',
      true,
    ],
    [
      { event: 'statement', kind: 'read', node: 'a', attempt: 2, isFinal: true, tables: null },
      undefined,
      false,
    ],
    [
      { event: 'statement:refused', node: 'a', tables: ['t'], digest: 'd' },
      'a refused a statement as a write of t. It goes to the primary from now on.',
      false,
    ],
    [{ event: 'from:the:future' }, 'from:the:future', false],
  ])('of %j', (fields, sentence, isBad) => {
    const event = { atMs: 0, node: { name: 'replica-1' }, ...fields } as unknown as RecordedEvent;
    expect(sayEvent(event)).toBe(sentence);
    expect(isTrouble(event)).toBe(isBad);
  });
});

function isFirst(reason: string, index: number, all: readonly string[]): boolean {
  return all.indexOf(reason) === index;
}
