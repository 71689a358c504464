import { describe, expect, it } from '@jest/globals';
import type { Connection } from '../execution/database.js';
import { PiggybackedPositions } from '../execution/piggybacked-position.js';
import type { ProbeResult } from '../topology/node-probe.js';
import { PgPiggyback } from './piggyback.js';
import { POSTGRES_ERRORS } from './error-kinds.js';

type Told = (error: unknown, result?: unknown) => void;

/** A client that keeps what it is given until the test answers it. */
class FakeClient {
  pipeline: boolean | undefined = false;
  connectionParameters: { query_timeout?: number } = {};
  readonly sent: { readonly text: string; readonly isPipelined: boolean; readonly told: Told }[] = [];

  query(query: string | { text: string }, _: unknown, told: Told): void {
    const text = typeof query === 'string' ? query : query.text;
    this.sent.push({ text, isPipelined: this.pipeline === true, told });
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
): Promise<{ positions: PiggybackedPositions; answers: ProbeResult[] }> {
  const answers: ProbeResult[] = [];
  const positions = new PiggybackedPositions({
    database: { piggyback: new PgPiggyback(), errors: POSTGRES_ERRORS },
    accept: (node, answer) => {
      expect(node).toBe('primary');
      answers.push(answer);
      return accepts ? answer.position : undefined;
    },
    nowMs: () => 1_000,
  });
  await positions.start(() => Promise.resolve(SIZES));
  return { positions, answers };
}

/** Sends the write; gives what comes of it, in the order in which it comes. */
function write(positions: PiggybackedPositions, client: FakeClient): unknown[] {
  const events: unknown[] = [];
  positions
    .run(client.asConnection, { args: UPDATE, node: 'primary' }, (position) => events.push(position))
    .then(
      (result) => events.push(result),
      (error: unknown) => events.push(error),
    );
  return events;
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('PiggybackedPositions', () => {
  it('asks behind the write without waiting for its answer, and tells before the caller learns of that', async () => {
    const { positions, answers } = await createPositions();
    const client = new FakeClient();
    const events = write(positions, client);
    expect(client.sent.map(({ text }) => text)).toEqual([
      'UPDATE t SET n = $1',
      expect.stringContaining('pg_current_wal_insert_lsn()'),
    ]);
    expect(client.sent.map(({ isPipelined }) => isPipelined)).toEqual([true, true]);
    client.sent[0]?.told(null, 'updated');
    await settled();
    expect(events).toEqual([]);
    client.sent[1]?.told(null, { rows: [ROW] });
    expect(client.pipeline).toBe(false);
    await settled();
    expect(events).toEqual([0x1000100n, 'updated']);
    expect(answers).toEqual([{ isReadOnly: false, position: 0x1000100n, epoch: 3 }]);
  });

  it('a write that fails is told so, and its connection is an ordinary one again', async () => {
    const { positions } = await createPositions();
    const client = new FakeClient();
    const events = write(positions, client);
    const error = new Error('duplicate key');
    client.sent[0]?.told(error);
    client.sent[1]?.told(null, { rows: [ROW] });
    await settled();
    expect(events).toEqual([0x1000100n, error]);
    expect(client.pipeline).toBe(false);
  });

  it('a connection that is lost between both answers: the write happened, and its position is not known', async () => {
    const { positions } = await createPositions();
    const client = new FakeClient();
    const events = write(positions, client);
    client.sent[0]?.told(null, 'updated');
    client.sent[1]?.told(LOST);
    await settled();
    expect(events).toEqual(['updated']);
  });

  it.each([
    [true, 'asks on'],
    [false, 'asks no more: it may be the question that something on the way does not bear'],
  ])('a connection is lost, and another one had answered: %s: %s', async (hadAnswered) => {
    const { positions } = await createPositions();
    const client = new FakeClient();
    if (hadAnswered) {
      write(positions, client);
      client.sent[1]?.told(null, { rows: [ROW] });
    }
    write(positions, client);
    client.sent.at(-1)?.told(LOST);
    expect(positions.mayAsk(client.asConnection, UPDATE)).toBe(hadAnswered);
  });

  it('a connection that is lost before them, in whatever order that is told', async () => {
    const { positions } = await createPositions();
    const client = new FakeClient();
    const events = write(positions, client);
    client.sent[1]?.told(LOST);
    client.sent[0]?.told(LOST);
    await settled();
    expect(events).toEqual([LOST]);
  });

  it('a server that is none to rely on tells no position', async () => {
    const { positions } = await createPositions(false);
    const client = new FakeClient();
    const events = write(positions, client);
    client.sent[0]?.told(null, 'updated');
    client.sent[1]?.told(null, { rows: [{ ...ROW, in_recovery: true }] });
    await settled();
    expect(events).toEqual([undefined, 'updated']);
  });

  it.each([[[]], [[{ ...ROW, position: 'nonsense' }]]])('an answer that makes no sense: %j', async (rows) => {
    const { positions } = await createPositions();
    const client = new FakeClient();
    const events = write(positions, client);
    client.sent[0]?.told(null, 'updated');
    client.sent[1]?.told(null, { rows });
    await settled();
    expect(events).toEqual([undefined, 'updated']);
  });

  it.each([
    ['42883', false],
    ['26000', false],
    ['57014', true],
  ])('after the error %s: asks again: %s', async (code, asksAgain) => {
    const { positions } = await createPositions();
    const client = new FakeClient();
    write(positions, client);
    client.sent[1]?.told(Object.assign(new Error('no'), { code }));
    expect(positions.mayAsk(client.asConnection, UPDATE)).toBe(asksAgain);
  });

  it('asks only where the connection can', async () => {
    const { positions } = await createPositions();
    const mayAsk = (changes: object, args: readonly unknown[] = UPDATE): boolean =>
      positions.mayAsk(Object.assign(new FakeClient(), changes).asConnection, args);
    expect(mayAsk({})).toBe(true);
    expect(mayAsk({ pipeline: undefined })).toBe(false);
    expect(mayAsk({ connectionParameters: { query_timeout: 1_000 } })).toBe(false);
    expect(mayAsk({}, [{ text: 'UPDATE t SET n = 1', rows: 10 }])).toBe(false);
    expect(mayAsk({}, ['copy t from stdin'])).toBe(false);
  });

  it('asks nothing before it knows the server, or where that does not tell', async () => {
    const positions = new PiggybackedPositions({
      database: { piggyback: new PgPiggyback(), errors: POSTGRES_ERRORS },
      accept: () => 1n,
      nowMs: () => 0,
    });
    expect(positions.mayAsk(new FakeClient().asConnection, UPDATE)).toBe(false);
    await positions.start(() => Promise.reject(new Error('refused')));
    expect(positions.mayAsk(new FakeClient().asConnection, UPDATE)).toBe(false);
  });

  it('asks only so often: the monitor is asked once for many writes', async () => {
    const { positions } = await createPositions();
    let asked = 0;
    while (positions.mayAsk(new FakeClient().asConnection, UPDATE)) asked++;
    expect(asked).toBe(40);
  });
});
