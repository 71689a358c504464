import { describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import type { ProbeResult } from '../topology/node-probe.js';
import { PositionAlong } from './position-along.js';

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

  get asPg(): pg.ClientBase {
    return this as unknown as pg.ClientBase;
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

async function createAlong(accepts = true): Promise<{ along: PositionAlong; answers: ProbeResult[] }> {
  const answers: ProbeResult[] = [];
  const along = new PositionAlong({
    accept: (node, answer) => {
      expect(node).toBe('primary');
      answers.push(answer);
      return accepts ? answer.position : undefined;
    },
    nowMs: () => 1_000,
  });
  await along.start(() => Promise.resolve(SIZES));
  return { along, answers };
}

/** Sends the write; gives what comes of it, in the order in which it comes. */
function write(along: PositionAlong, client: FakeClient): unknown[] {
  const events: unknown[] = [];
  along
    .query({ client: client.asPg, node: 'primary' }, UPDATE, (position) => events.push(position))
    .then(
      (result) => events.push(result),
      (error: unknown) => events.push(error),
    );
  return events;
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('PositionAlong', () => {
  it('asks behind the write without waiting for its answer, and tells before the caller learns of that', async () => {
    const { along, answers } = await createAlong();
    const client = new FakeClient();
    const events = write(along, client);
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
    const { along } = await createAlong();
    const client = new FakeClient();
    const events = write(along, client);
    const error = new Error('duplicate key');
    client.sent[0]?.told(error);
    client.sent[1]?.told(null, { rows: [ROW] });
    await settled();
    expect(events).toEqual([0x1000100n, error]);
    expect(client.pipeline).toBe(false);
  });

  it('a connection that is lost between both answers: the write happened, and its position is not known', async () => {
    const { along } = await createAlong();
    const client = new FakeClient();
    const events = write(along, client);
    client.sent[0]?.told(null, 'updated');
    client.sent[1]?.told(LOST);
    await settled();
    expect(events).toEqual(['updated']);
  });

  it.each([
    [true, 'asks on'],
    [false, 'asks no more: it may be the question that something on the way does not bear'],
  ])('a connection is lost, and another one had answered: %s: %s', async (hadAnswered) => {
    const { along } = await createAlong();
    const client = new FakeClient();
    if (hadAnswered) {
      write(along, client);
      client.sent[1]?.told(null, { rows: [ROW] });
    }
    write(along, client);
    client.sent.at(-1)?.told(LOST);
    expect(along.mayAsk(client.asPg, UPDATE)).toBe(hadAnswered);
  });

  it('a connection that is lost before them, in whatever order that is told', async () => {
    const { along } = await createAlong();
    const client = new FakeClient();
    const events = write(along, client);
    client.sent[1]?.told(LOST);
    client.sent[0]?.told(LOST);
    await settled();
    expect(events).toEqual([LOST]);
  });

  it('a server that is none to rely on tells no position', async () => {
    const { along } = await createAlong(false);
    const client = new FakeClient();
    const events = write(along, client);
    client.sent[0]?.told(null, 'updated');
    client.sent[1]?.told(null, { rows: [{ ...ROW, in_recovery: true }] });
    await settled();
    expect(events).toEqual([undefined, 'updated']);
  });

  it.each([[[]], [[{ ...ROW, position: 'nonsense' }]]])('an answer that makes no sense: %j', async (rows) => {
    const { along } = await createAlong();
    const client = new FakeClient();
    const events = write(along, client);
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
    const { along } = await createAlong();
    const client = new FakeClient();
    write(along, client);
    client.sent[1]?.told(Object.assign(new Error('no'), { code }));
    expect(along.mayAsk(client.asPg, UPDATE)).toBe(asksAgain);
  });

  it('asks only where the connection can', async () => {
    const { along } = await createAlong();
    const mayAsk = (changes: object, args: readonly unknown[] = UPDATE): boolean =>
      along.mayAsk(Object.assign(new FakeClient(), changes).asPg, args);
    expect(mayAsk({})).toBe(true);
    expect(mayAsk({ pipeline: undefined })).toBe(false);
    expect(mayAsk({ connectionParameters: { query_timeout: 1_000 } })).toBe(false);
    expect(mayAsk({}, [{ text: 'UPDATE t SET n = 1', rows: 10 }])).toBe(false);
  });

  it('asks nothing before it knows the server, or where that does not tell', async () => {
    const along = new PositionAlong({ accept: () => 1n, nowMs: () => 0 });
    expect(along.mayAsk(new FakeClient().asPg, UPDATE)).toBe(false);
    await along.start(() => Promise.reject(new Error('refused')));
    expect(along.mayAsk(new FakeClient().asPg, UPDATE)).toBe(false);
  });

  it('asks only so often: the monitor is asked once for many writes', async () => {
    const { along } = await createAlong();
    let asked = 0;
    while (along.mayAsk(new FakeClient().asPg, UPDATE)) asked++;
    expect(asked).toBe(40);
  });
});
