/** Sends one command, as a list of words, to the node that holds `key`. */
export type SendRedisCommand = (command: string[], key: string) => Promise<unknown>;

/** `Redis` and `Cluster` of ioredis. */
export interface IoredisClient {
  call(command: string, ...args: string[]): Promise<unknown>;
}

/** A client, pool, cluster or sentinel of `redis` (node-redis). The signatures of their `sendCommand` differ. */
export interface NodeRedisClient {
  sendCommand(...args: never[]): Promise<unknown>;
}

/** Any client that can send a command: ioredis 5, node-redis from 4, or a function of your own. */
export type RedisClient = IoredisClient | NodeRedisClient | SendRedisCommand;

/**
 * Makes one function to talk to any of them. It tells them apart by methods that only one kind has, not by the number of
 * parameters, which instrumentation changes. Throws a `TypeError` if `client` is no client.
 */
export function redisSender(client: RedisClient): SendRedisCommand {
  if (typeof client === 'function') return client;
  if (has(client, 'call')) {
    const ioredis = client as IoredisClient;
    return ([command = '', ...args]) => ioredis.call(command, ...args);
  }
  if (!has(client, 'sendCommand')) {
    throw new TypeError('the Redis client must be one of ioredis or node-redis, or a function');
  }
  // A "read-only" command may go to a Redis replica, which may lack the last save. So ours never claim to be one.
  if (has(client, 'nodeClient')) {
    const cluster = client as {
      sendCommand(key: string, isReadonly: boolean, command: string[]): Promise<unknown>;
    };
    return (command, key) => cluster.sendCommand(key, false, command);
  }
  if (has(client, 'getMasterNode')) {
    const sentinel = client as { sendCommand(isReadonly: boolean, command: string[]): Promise<unknown> };
    return (command) => sentinel.sendCommand(false, command);
  }
  const single = client as { sendCommand(command: string[]): Promise<unknown> };
  return (command) => single.sendCommand(command);
}

function has(client: unknown, method: string): boolean {
  return typeof (client as Record<string, unknown> | null | undefined)?.[method] === 'function';
}
