import { beforeEach, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { NodeQuestion } from './probe-statement.js';

const LAYOUT = { segmentBytes: 16_777_216, pageBytes: 8192 };
const STANDBY = {
  in_recovery: true,
  position: '0/100',
  wal_file: null,
  started: '1',
  receiver: 'streaming',
  received_timeline: 2,
};
const PRIMARY = { in_recovery: false, position: '0/200', wal_file: '00000003', started: '1' };

/** What a node is asked, in short: all, or a part of it. */
describe('NodeQuestion', () => {
  let nowMs: number;
  let asked: string[];
  let rows: object[];
  let question: NodeQuestion;

  const clientWith = (): pg.ClientBase =>
    ({
      query: (query: string | { name: string }) => {
        asked.push(typeof query === 'string' ? 'all' : query.name.replace('nestjs_replica_', ''));
        return Promise.resolve({ rows: [rows.shift()] });
      },
    }) as unknown as pg.ClientBase;
  let client: pg.ClientBase;
  const ask = (...answers: object[]): ReturnType<NodeQuestion['ask']> => {
    rows = answers;
    return question.ask(client, LAYOUT);
  };

  beforeEach(() => {
    nowMs = 0;
    asked = [];
    client = clientWith();
    question = new NodeQuestion(() => nowMs);
  });

  it('asks a standby for its position only, for half a second after it has told all', async () => {
    await ask(STANDBY);
    nowMs = 499;
    expect(await ask({ in_recovery: true, position: '0/180' })).toEqual({
      inRecovery: true,
      position: 0x180n,
      timeline: 2,
      receiver: 'streaming',
    });
    nowMs = 500;
    await ask({ ...STANDBY, receiver: 'none' });
    expect(asked).toEqual(['all', 'probe_standby', 'all']);
  });

  it('asks all at once of one that was promoted, and then what a writable one has to tell', async () => {
    await ask(STANDBY);
    expect(await ask({ in_recovery: false, position: '0/180' }, PRIMARY)).toMatchObject({
      inRecovery: false,
      timeline: 3,
    });
    expect(await ask(PRIMARY)).toMatchObject({ position: 0x200n });
    expect(await ask(STANDBY, { ...STANDBY, received_timeline: 4 })).toMatchObject({ timeline: 4 });
    expect(asked).toEqual(['all', 'probe_standby', 'all', 'probe', 'probe', 'all']);
  });

  it('asks all on a new connection, which may lead to another server', async () => {
    await ask(STANDBY);
    client = clientWith();
    await ask({ ...STANDBY, received_timeline: 5 });
    expect(asked).toEqual(['all', 'all']);
  });
});
