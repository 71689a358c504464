import { describe, expect, it } from '@jest/globals';
import type { StatementEvent } from '../routing/statement-event.js';
import { TryLog } from './try-log.js';

function failure(node: string): StatementEvent {
  return {
    kind: 'read',
    tables: null,
    node,
    reason: 'no-context',
    durationMs: 1,
    errorCode: '57P01',
    attempt: 1,
    isFinal: true,
  };
}

describe('the tries of a statement', () => {
  it('are told when it is known whether there is another', () => {
    const told: string[] = [];
    const log = new TryLog(({ node, isFinal }) => told.push(`${node} ${isFinal}`));
    log.failed(failure('a'));
    expect(told).toEqual([]);
    log.goesOn();
    log.goesOn();
    expect(told).toEqual(['a false']);
    log.failed(failure('b'));
    log.failed(failure('c'));
    expect(told).toEqual(['a false', 'b false']);
    log.ended();
    log.ended();
    expect(told).toEqual(['a false', 'b false', 'c true']);
    expect(log.failures).toBe(3);
  });

  it('are counted where nobody listens, too', () => {
    const told: StatementEvent[] = [];
    const log = new TryLog((event) => told.push(event));
    log.failed(undefined);
    log.ended();
    expect(told).toEqual([]);
    expect(log.failures).toBe(1);
  });
});
