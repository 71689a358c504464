import { beforeAll, describe, expect, it } from '@jest/globals';
import type { Connection } from '../execution/database.js';
import { PiggybackedPositions } from '../execution/piggybacked-position.js';
import type { ProbeResult } from '../topology/node-probe.js';
import { importPg } from './pg-module.js';
import { PgPiggyback } from './piggyback.js';
import { POSTGRES_ERRORS } from './error-kinds.js';

type QueryCallback = (error: unknown, result?: unknown) => void;

/** A client that holds its queries until the test answers them. */
class FakeClient {
  pipeline: boolean | undefined = false;
  connectionParameters: { query_timeout?: number } = {};
  readonly sent: {
    readonly text: string;
    readonly isPipelined: boolean;
    readonly callback: QueryCallback;
  }[] = [];

  query(query: string | { text: string; callback: QueryCallback }, _: unknown, given: QueryCallback): void {
    const { text, callback } = typeof query === 'string' ? { text: query, callback: given } : query;
    this.sent.push({ text, isPipelined: this.pipeline === true, callback });
  }

  get asConnection(): Connection {
    return this as unknown as Connection;
  }
}

const UPDATE = ['UPDATE t SET n = $1', [1]] as const;
const SIZES = [{ name: 'wal_block_size', bytes: '8192' }];
const ROW = {
  in_recovery: false,
  position: '0/1000100',
  wal_file: '000000030000000000000001',
  started: '1.5',
  receiver: null,
  received_timeline: null,
};
const LOST = new Error('Connection terminated unexpectedly');

async function createPositions(
  accepts = true,
): Promise<{ positions: PiggybackedPositions; answers: ProbeResult[]; shared: unknown[] }> {
  const answers: ProbeResult[] = [];
  const shared: unknown[] = [];
  const positions = new PiggybackedPositions({
    database: { piggyback: new PgPiggyback(), errors: POSTGRES_ERRORS },
    accept: (node, answer) => {
      expect(node).toBe('primary');
      answers.push(answer);
      return accepts ? answer.position : undefined;
    },
    shareAnswer: () => (answer) => shared.push(answer?.position),
    nowMs: () => 1_000,
  });
  await positions.start(() => Promise.resolve(SIZES));
  return { positions, answers, shared };
}

/** Sends the write. The returned list collects its outcomes in order. */
function write(positions: PiggybackedPositions, client: FakeClient): unknown[] {
  const events: unknown[] = [];
  positions
    .run(client.asConnection, { call: { args: UPDATE }, node: 'primary' }, (position) =>
      events.push(position),
    )
    .then(
      (result) => events.push(result),
      (error: unknown) => events.push(error),
    );
  return events;
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the position behind a write', () => {
  beforeAll(importPg);

  it('is asked for without waiting for the write, and known before the caller gets its answer', async () => {
    const { positions, answers, shared } = await createPositions();
    const client = new FakeClient();
    const events = write(positions, client);
    expect(client.sent.map(({ text }) => text)).toEqual([
      'UPDATE t SET n = $1',
      expect.stringContaining('pg_current_wal_insert_lsn()'),
    ]);
    expect(client.sent.map(({ isPipelined }) => isPipelined)).toEqual([true, true]);
    client.sent[0]?.callback(null, 'updated');
    await settled();
    expect(events).toEqual([]);
    client.sent[1]?.callback(null, { rows: [ROW] });
    expect(client.pipeline).toBe(false);
    await settled();
    expect(events).toEqual([0x1000100n, 'updated']);
    expect(answers).toEqual([{ isReadOnly: false, position: 0x1000100n, epoch: 3 }]);
    expect(shared).toEqual([0x1000100n]);
  });

  it('leaves in one packet with the write, and holds the socket back no longer even if the driver throws', async () => {
    const { positions } = await createPositions();
    const steps: string[] = [];
    const stream = { cork: () => steps.push('cork'), uncork: () => steps.push('uncork') };
    const client = Object.assign(new FakeClient(), { connection: { stream } });
    write(positions, client);
    expect([steps, client.sent.length]).toEqual([['cork', 'uncork'], 2]);
    const error = new TypeError('a value that cannot be sent');
    const events = write(
      positions,
      Object.assign(new FakeClient(), {
        connection: { stream },
        query: () => {
          throw error;
        },
      }),
    );
    await settled();
    expect([steps, events]).toEqual([['cork', 'uncork', 'cork', 'uncork'], [error]]);
  });

  it('is known even if the write fails, and the connection becomes an ordinary one again', async () => {
    const { positions } = await createPositions();
    const client = new FakeClient();
    const events = write(positions, client);
    const error = new Error('duplicate key');
    client.sent[0]?.callback(error);
    client.sent[1]?.callback(null, { rows: [ROW] });
    await settled();
    expect(events).toEqual([0x1000100n, error]);
    expect(client.pipeline).toBe(false);
  });

  it('is unknown if the connection is lost after the answer of the write', async () => {
    const { positions, shared } = await createPositions();
    const client = new FakeClient();
    const events = write(positions, client);
    client.sent[0]?.callback(null, 'updated');
    client.sent[1]?.callback(LOST);
    await settled();
    expect(events).toEqual(['updated']);
    expect(shared).toEqual([undefined]);
  });

  it.each([
    [true, 'is still asked for'],
    [false, 'is no longer asked for, because something in between may not support it'],
  ])('after a lost connection, if one has answered before (%s), %s', async (hadAnswered) => {
    const { positions } = await createPositions();
    const client = new FakeClient();
    if (hadAnswered) {
      write(positions, client);
      client.sent[1]?.callback(null, { rows: [ROW] });
    }
    write(positions, client);
    client.sent.at(-1)?.callback(LOST);
    expect(positions.mayAsk(client.asConnection, UPDATE)).toBe(hadAnswered);
  });

  it('is unknown if the connection is lost before both answers, in whatever order the driver reports that', async () => {
    const { positions } = await createPositions();
    const client = new FakeClient();
    const events = write(positions, client);
    client.sent[1]?.callback(LOST);
    client.sent[0]?.callback(LOST);
    await settled();
    expect(events).toEqual([LOST]);
  });

  it('is unknown if the server is not accepted', async () => {
    const { positions } = await createPositions(false);
    const client = new FakeClient();
    const events = write(positions, client);
    client.sent[0]?.callback(null, 'updated');
    client.sent[1]?.callback(null, { rows: [{ ...ROW, in_recovery: true }] });
    await settled();
    expect(events).toEqual([undefined, 'updated']);
  });

  it.each([[[]], [[{ ...ROW, position: 'nonsense' }]]])(
    'is unknown if the answer makes no sense: %j',
    async (rows) => {
      const { positions } = await createPositions();
      const client = new FakeClient();
      const events = write(positions, client);
      client.sent[0]?.callback(null, 'updated');
      client.sent[1]?.callback(null, { rows });
      await settled();
      expect(events).toEqual([undefined, 'updated']);
    },
  );

  it.each([
    ['42883', false],
    ['26000', false],
    ['57014', true],
  ])('after the error %s, is asked for again: %s', async (code, asksAgain) => {
    const { positions } = await createPositions();
    const client = new FakeClient();
    write(positions, client);
    client.sent[1]?.callback(Object.assign(new Error('no'), { code }));
    expect(positions.mayAsk(client.asConnection, UPDATE)).toBe(asksAgain);
  });

  it('is asked for only if the connection supports it', async () => {
    const { positions } = await createPositions();
    const mayAsk = (changes: object, args: readonly unknown[] = UPDATE): boolean =>
      positions.mayAsk(Object.assign(new FakeClient(), changes).asConnection, args);
    expect(mayAsk({})).toBe(true);
    expect(mayAsk({ pipeline: undefined })).toBe(false);
    expect(mayAsk({ connectionParameters: { query_timeout: 1_000 } })).toBe(false);
    expect(mayAsk({}, [{ text: 'UPDATE t SET n = 1', rows: 10 }])).toBe(false);
    expect(mayAsk({}, ['copy t from stdin'])).toBe(false);
  });

  it('is not asked for until the sizes of the WAL are known', async () => {
    const positions = new PiggybackedPositions({
      database: { piggyback: new PgPiggyback(), errors: POSTGRES_ERRORS },
      accept: () => 1n,
      shareAnswer: () => undefined,
      nowMs: () => 0,
    });
    expect(positions.mayAsk(new FakeClient().asConnection, UPDATE)).toBe(false);
    await positions.start(() => Promise.reject(new Error('refused')));
    expect(positions.mayAsk(new FakeClient().asConnection, UPDATE)).toBe(false);
  });

  it('is asked for at a limited rate, because the monitor can serve many writes at once', async () => {
    const { positions } = await createPositions();
    let asked = 0;
    while (positions.mayAsk(new FakeClient().asConnection, UPDATE)) asked++;
    expect(asked).toBe(40);
  });
});
