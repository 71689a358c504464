import { beforeEach, describe, expect, it } from '@jest/globals';
import { SessionClock } from '../session/session-clock.js';
import { SessionTable } from '../session/session-table.js';
import { TokenCodec } from '../session/token-codec.js';
import { TokenSession } from './token-session.js';

const clock = new SessionClock({ keptMs: 30_000 });
const codec = new TokenCodec(['a secret of at least 32 letters....'], 'default');

describe('a session whose client carries its state', () => {
  let memory: SessionTable;
  let foreign: number;
  const sessionOf = (token?: string): TokenSession =>
    new TokenSession({ codec, clock, ttlMs: 30_000, token, memory, onForeignToken: () => foreign++ });

  beforeEach(() => {
    memory = new SessionTable();
    foreign = 0;
  });

  it('is new without a token, and gives none while there is nothing to tell', () => {
    const session = sessionOf();
    expect(session.view(Date.now())).toMatchObject({
      status: 'loaded',
      onPrimary: false,
      isUnconfirmed: false,
      position: undefined,
    });
    expect([session.isChanged, foreign]).toEqual([false, 0]);
  });

  it('carries what it saved to the next request, of this process and of others', async () => {
    const session = sessionOf();
    await session.save({ position: 7n });
    expect(session.isChanged).toBe(true);
    const next = sessionOf(session.token());
    expect(next.view(Date.now()).position).toBe(7n);
    memory = new SessionTable();
    expect(sessionOf(session.token()).view(Date.now())).toEqual(next.view(Date.now()));
  });

  it('stays the same session: its reads are tied to one replica', async () => {
    const first = sessionOf();
    await first.save({ position: 1n });
    const second = sessionOf(first.token());
    await second.save({ position: 2n });
    const keyHashes = [first, second, sessionOf(second.token())].map((one) => one.view(0).keyHash);
    expect(new Set(keyHashes).size).toBe(1);
  });

  it('keeps the later position of two requests that wrote at the same time, whichever is answered last', async () => {
    const origin = sessionOf();
    await origin.save({ position: 1n });
    const [one, two] = [sessionOf(origin.token()), sessionOf(origin.token())];
    await one.save({ position: 9n });
    await two.save({ position: 5n });
    for (const token of [one.token(), two.token()]) expect(sessionOf(token).view(0).position).toBe(9n);
  });

  it('knows what its request wrote after the answer', async () => {
    const answered = sessionOf();
    await answered.save({ position: 1n });
    const token = answered.token();
    await answered.save({ position: 8n });
    expect(sessionOf(token).view(0).position).toBe(8n);
  });

  it('has to read from the primary until the deadline', () => {
    const until = Date.now() + 5_000;
    const session = sessionOf(sessionOf().token({ primaryUntilMs: until }));
    expect([session.view(until - 1).onPrimary, session.view(until).onPrimary]).toEqual([true, false]);
  });

  it.each([
    ['damaged', 'AQ'.repeat(40), 1],
    [
      'forged',
      new TokenCodec(['another secret of 32 letters or more'], 'default').encode({
        id: '0123456789abcdef',
        state: { position: 2n ** 64n - 1n, primaryUntilMs: 2 ** 47 },
        expiresAtMs: 2 ** 47,
      }),
      1,
    ],
    ['empty', '', 0],
  ])('is new with a token that is %s, and that is counted', (_, token, count) => {
    expect(sessionOf(token).view(Date.now())).toMatchObject({ onPrimary: false, position: undefined });
    expect(foreign).toBe(count);
  });
});
