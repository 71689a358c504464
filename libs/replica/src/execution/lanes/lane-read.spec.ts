import { expect, it } from '@jest/globals';
import { AsyncLocalStorage } from 'node:async_hooks';
import { LaneRead } from './lane-read.js';
import { StatementCost } from './statement-cost.js';

it('is sent in the async context of its caller, whoever opens the lane that it waited for', () => {
  const caller = new AsyncLocalStorage<string>();
  const read = new LaneRead(
    { call: { text: 'SELECT 1' }, cost: new StatementCost('SELECT 1'), isBetterElsewhere: undefined },
    {} as never,
  );
  const senders: unknown[] = [];
  const send = (): void => void senders.push(caller.getStore());
  caller.run('its own', () => read.waits());
  caller.run('another', () => read.sendLater(send));
  caller.run('another', () => read.waits());
  caller.run('another', () => read.sendLater(send));
  expect(senders).toEqual(['its own', 'its own']);
});
