import { describe, expect, it } from '@jest/globals';
import { OperatorLog, type LogSink } from './operator-log.js';

describe('OperatorLog', () => {
  function setUp(): { log: OperatorLog; lines: string[]; clock: { nowMs: number } } {
    const lines: string[] = [];
    const clock = { nowMs: 0 };
    const write =
      (level: string) =>
      (message: string): void =>
        void lines.push(`${level} ${message}`);
    const sink: LogSink = { log: write('log'), warn: write('warn'), error: write('error') };
    const log = new OperatorLog(() => clock.nowMs);
    log.sendTo(sink);
    return { lines, clock, log };
  }

  it('writes each line at its level', () => {
    const { log, lines } = setUp();
    log.log('well');
    log.warn('odd');
    log.warn('odd');
    log.error('bad');
    expect(lines).toEqual(['log well', 'warn odd', 'warn odd', 'error bad']);
  });

  it('says what happens often once in ten seconds, and how often it did', () => {
    const { log, lines, clock } = setUp();
    for (let n = 1; n <= 5; n++) log.warnSeldom('idle a', `broke ${n}`);
    log.warnSeldom('idle b', 'broke');
    clock.nowMs = 9_999;
    log.warnSeldom('idle a', 'broke 6');
    clock.nowMs = 10_000;
    log.warnSeldom('idle a', 'broke 7');
    clock.nowMs = 30_000;
    log.warnSeldom('idle a', 'broke 8');
    expect(lines).toEqual([
      'warn broke 1',
      'warn broke',
      'warn broke 7 (and 5 times before that)',
      'warn broke 8',
    ]);
  });

  it('is harmed by no sink', () => {
    const log = new OperatorLog();
    expect(() => log.error('bad')).not.toThrow();
    const fails = (): never => {
      throw new Error('no sink');
    };
    log.sendTo({ log: fails, warn: fails, error: fails });
    expect(() => log.error('bad')).not.toThrow();
  });
});
