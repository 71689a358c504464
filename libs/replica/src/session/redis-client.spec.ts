import { describe, expect, it } from '@jest/globals';
import { redisSender } from './redis-client.js';

describe('redisSender', () => {
  const sent: unknown[][] = [];
  const answer = (...args: unknown[]): Promise<unknown> => Promise.resolve(sent.push(args));
  const method = (): Promise<unknown> => Promise.resolve();
  const send = async (client: object): Promise<unknown> => {
    sent.length = 0;
    await redisSender(client as never)(['EVALSHA', 'x'], 'key');
    return sent;
  };

  it.each([
    ['a function', answer, [['EVALSHA', 'x'], 'key']],
    ['ioredis', { call: answer, sendCommand: method }, ['EVALSHA', 'x']],
    ['a client of node-redis', { sendCommand: answer }, [['EVALSHA', 'x']]],
    [
      'a cluster of node-redis',
      { sendCommand: answer, nodeClient: method },
      ['key', false, ['EVALSHA', 'x']],
    ],
    ['a sentinel of node-redis', { sendCommand: answer, getMasterNode: method }, [false, ['EVALSHA', 'x']]],
  ])('calls %s as it wants to be called', async (_, client, expected) => {
    expect(await send(client)).toEqual([expected]);
  });

  it.each([undefined, null, {}, 'redis://127.0.0.1', { call: 1 }])('refuses %j', (client) => {
    expect(() => redisSender(client as never)).toThrow('must be one of ioredis or node-redis');
  });
});
