import { describe, expect, it } from '@jest/globals';
import type { Answer, Connection, LaneCall } from '../database.js';
import type { LaneTools } from './lane-tools.js';
import type { LoopTurn } from './loop-clock.js';
import { ReadLanes } from './read-lanes.js';
import { StatementCost, StatementCosts } from './statement-cost.js';

/** Two connections to a server that answers when the test says so. */
class TwoConnections {
  readonly lanes: ReadLanes;
  readonly #waiting: (() => void)[] = [];
  #sent: number[] = [];
  #turn: LoopTurn = { endMs: 0 };
  #opened = 0;

  constructor() {
    const database = {
      openLane: (connection: unknown) => ({
        prepared: { use: () => undefined },
        send: (_call: LaneCall, _prepared: undefined, settled: (error: null, answer: Answer) => void) => {
          this.#sent.push(connection as number);
          this.#waiting.push(() => settled(null, {} as Answer));
        },
        close: () => undefined,
      }),
      errors: {},
    };
    const connections = {
      checkoutForRead: () => Promise.resolve(++this.#opened as unknown as Connection),
      takeFresh: () => false,
      letGo: () => undefined,
      measured: () => undefined,
      release: () => undefined,
    };
    const tools = {
      database,
      connections,
      costs: new StatementCosts(),
      clock: { sent: () => this.#turn, eventsMs: 0 },
      maxLifetimeMs: Infinity,
      outside: () => undefined,
      tracing: {},
      nowMs: () => 0,
    } as unknown as LaneTools;
    const pool = { waiting: 0, idle: 0, max: 2, total: 0 };
    Object.defineProperty(pool, 'total', { get: () => this.#opened });
    const others = { giveWay: () => undefined, runAlone: () => Promise.reject(new Error('not here')) };
    this.lanes = new ReadLanes(tools, { pool: pool as never, others, prepare: undefined });
  }

  /** Sends so many reads that take `ms` milliseconds each. Returns the connections that they left on. */
  send(count: number, ms: number): readonly number[] {
    this.#sent = [];
    const cost = new StatementCost('SELECT 1');
    cost.takes(ms);
    for (let n = 0; n < count; n++)
      void this.lanes.run({ call: { text: 'SELECT 1' }, cost, isBetterElsewhere: undefined });
    return this.#sent;
  }

  answerAll(): void {
    for (const answer of this.#waiting.splice(0)) answer();
  }

  nextTurn(): void {
    this.#turn = { endMs: 0 };
  }
}

/** Both connections are lanes, and idle. */
async function start(): Promise<TwoConnections> {
  const server = new TwoConnections();
  server.send(1, 1.9);
  await Promise.resolve();
  server.send(6, 1.9);
  await Promise.resolve();
  server.answerAll();
  server.nextTurn();
  expect(server.lanes.lanes).toHaveLength(2);
  return server;
}

describe('reads of one turn of the event loop', () => {
  it('leave on one connection, and those of the next turn on one that is idle', async () => {
    const server = await start();
    expect(server.send(5, 0.05)).toEqual([1, 1, 1, 1, 1]);
    server.nextTurn();
    expect(server.send(5, 0.05)).toEqual([2, 2, 2, 2, 2]);
  });

  it('leave on another one as soon as that has a millisecond to do', async () => {
    const server = await start();
    expect(server.send(6, 0.4)).toEqual([1, 1, 1, 2, 2, 2]);
  });

  it('do not wait behind one that is slow by itself', async () => {
    const server = await start();
    expect(server.send(2, 1.5)).toEqual([1, 2]);
  });
});
