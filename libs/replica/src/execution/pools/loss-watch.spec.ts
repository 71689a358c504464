import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { POSTGRES_ERRORS as errors } from '../../postgres/error-kinds.js';
import type { Connection, Uptime } from '../database.js';
import { LossWatch } from './loss-watch.js';

describe('LossWatch', () => {
  let now: number;
  let uptime: Uptime;
  let asked: number;
  let watch: LossWatch;

  beforeEach(() => {
    now = 10_000;
    asked = 0;
    watch = new LossWatch({
      database: {
        errors,
        cut: (connection) => {
          cut.add(connection);
          return !ended.has(connection);
        },
      },
      access: {
        askUptime: () => {
          asked++;
          return new Promise((resolve) => setTimeout(resolve, 5, uptime));
        },
      },
      nowMs: () => now,
    });
  });

  /** Connections, and which of them the watch has cut. */
  const cut = new Set<Connection>();
  const ended = new Set<Connection>();
  const connect = (): Connection => ({}) as Connection;
  const terminated = (): Error => new Error('Connection terminated unexpectedly');
  const turns = async (): Promise<void> => {
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  };

  it('tells a connection whose server reported a crash from one that ended without a word', () => {
    const [told, silent] = [connect(), connect()];
    watch.crashed(told, '57P02');
    expect(watch.explain(told, terminated())).toMatchObject({ code: '57P02' });
    expect(watch.explain(silent, terminated())).not.toHaveProperty('code');
    const mistake = Object.assign(new Error('no'), { code: '42601' });
    expect(watch.explain(told, mistake)).toMatchObject({ code: '42601' });
  });

  it('marks the connections that this process has cut, but not those that had already ended', async () => {
    const [open, gone] = [connect(), connect()];
    ended.add(gone);
    watch.cut([open, gone]);
    await turns();
    expect([cut.has(open), cut.has(gone)]).toEqual([true, true]);
    expect(watch.explain(open, terminated())).toMatchObject({ code: 'ECONNABORTED' });
    expect(watch.explain(gone, terminated())).not.toHaveProperty('code');
  });

  describe('when asked what became of the server', () => {
    beforeEach(() => {
      jest.useFakeTimers();
    });
    afterEach(() => {
      jest.useRealTimers();
    });

    async function fate(sinceMs: number): Promise<string> {
      const answer = watch.fateSince(sinceMs);
      now += 250;
      await jest.advanceTimersByTimeAsync(300);
      return answer;
    }

    it.each([
      ['well', { runningMs: 5_000, wellMs: 5_000 }, 'well'],
      ['recovered', { runningMs: 5_000, wellMs: 200 }, 'crashed'],
      ['restarted', { runningMs: 200, wellMs: 100 }, 'gone'],
      ['restarted at about that time', { runningMs: 1_270, wellMs: 1_270 }, 'crashed'],
      ['gone', 'gone', 'gone'],
      ['silent', 'unknown', 'crashed'],
    ] as const)('finds it %s', async (_, answer, expected) => {
      uptime = answer;
      expect(await fate(9_000)).toBe(expected);
    });

    it('asks nothing if the server told another connection', async () => {
      watch.crashed(connect(), '57P02');
      expect([await fate(9_999), asked]).toEqual(['crashed', 0]);
    });

    it('asks the server once or twice for many callers', async () => {
      uptime = { runningMs: 9_000, wellMs: 9_000 };
      const fates = await Promise.all(Array.from({ length: 20 }, () => fate(9_000)));
      expect(new Set(fates)).toEqual(new Set(['well']));
      expect(asked).toBeLessThanOrEqual(2);
    });
  });
});
