import { redisSender, type RedisClient, type SendRedisCommand } from '../session/redis-client.js';
import { isError } from '../errors/is-error.js';
import { hexOf, type CachedPosition } from './cached-position.js';
import { keyOf, type CacheOptions, type ResultCache } from './result-cache.js';

/**
 * Stores an answer unless the kept one may be newer, in one step. ARGV: the answer as TypeORM writes it, the time to keep it in
 * milliseconds, `atLeast` and the history of its position in hexadecimal digits, both empty if the position is unknown, and the first
 * digit of the kept position to compare with: 17 for `atMost`, 1 for `atLeast`. Returns 1 if it was stored. Reads the kept position
 * as `positionOf()` does.
 */
const SCRIPT = `
local kept = redis.call('GET', KEYS[1])
if kept then
  local isRead, entry = pcall(cjson.decode, kept)
  local result = isRead and type(entry) == 'table' and entry.result
  local spaces = type(result) == 'string' and #result > 80 and string.sub(result, -80)
  if spaces and not string.find(spaces, '[^ \\t\\n\\r]') then
    local digits = { [' '] = 0, ['\\t'] = 1, ['\\n'] = 2, ['\\r'] = 3 }
    local hex = string.gsub(spaces, '(.)(.)', function (high, low)
      return string.format('%x', 4 * digits[high] + digits[low])
    end)
    local isSameHistory = string.sub(hex, 33, 40) == ARGV[4]
    if ARGV[3] == '' or (isSameHistory and ARGV[3] < string.sub(hex, ARGV[5], ARGV[5] + 15)) then return 0 end
  end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`;

/** Redis does not let this client run scripts, or does not know them. */
const NO_SCRIPTS = /\bNOPERM\b|unknown command/i;

/** What of TypeORM's Redis cache is used here. */
interface RedisCache extends ResultCache {
  readonly clientType?: unknown;
  /** There once it is connected. With `redis` 4, TypeORM takes the form of version 3, and `v4` is the client itself. */
  readonly client?: (RedisClient & { readonly v4?: RedisClient }) | undefined;
}

/** What `Cluster` of ioredis has. */
interface ClusterClient {
  nodes(role: 'master'): readonly { flushdb(): Promise<unknown> }[];
}

/** Stores answers in the Redis of TypeORM's own cache. Several instances may store an answer to one read at the same time. */
export class RedisAnswers {
  readonly #cache: RedisCache;
  #maySend = true;

  private constructor(cache: RedisCache) {
    this.#cache = cache;
  }

  /** `undefined`: the cache is another one, and stores answers itself. */
  static of(cache: ResultCache): RedisAnswers | undefined {
    const { clientType } = cache as RedisCache;
    const isRedis = typeof clientType === 'string' && clientType.includes('redis');
    return isRedis ? new RedisAnswers(cache) : undefined;
  }

  /** Stores the answer unless the kept one may be newer; a mark: unless the kept one is as new for sure. Resolves to `false` if it cannot do that here: nothing was stored. */
  async store(entry: CacheOptions, position: CachedPosition | undefined, isMark = false): Promise<boolean> {
    const { atLeast, history } = position === undefined ? { atLeast: '', history: '' } : hexOf(position);
    const key = keyOf(entry);
    const lifetimeMs = String(Math.max(1, Math.ceil(entry.duration)));
    const from = isMark ? '1' : '17';
    const command = ['EVAL', SCRIPT, '1', key, JSON.stringify(entry), lifetimeMs, atLeast, history, from];
    return (await this.run(command, key)) !== undefined;
  }

  /** Sends a command to the server of `key`. Resolves to its answer; `undefined`: the command cannot be sent here. */
  async run(command: string[], key: string): Promise<unknown> {
    const send = this.#maySend ? this.#sender() : undefined;
    if (send === undefined) return undefined;
    try {
      return await send(command, key);
    } catch (error) {
      if (!isError(error) || !NO_SCRIPTS.test(error.message)) throw error;
      this.#maySend = false;
      return undefined;
    }
  }

  /** Clears each server of a cluster. TypeORM itself clears one of them. */
  async clearAll(): Promise<void> {
    const { client } = this.#cache;
    if (has(client, 'nodes'))
      await Promise.all((client as unknown as ClusterClient).nodes('master').map((node) => node.flushdb()));
  }

  #sender(): SendRedisCommand | undefined {
    const { client } = this.#cache;
    const current = client?.v4 ?? client;
    // The methods of `redis` 3 call back. ioredis has both.
    const isOld = has(current, 'send_command') && !has(current, 'call');
    return current === undefined || isOld ? undefined : redisSender(current);
  }
}

function has(client: object | undefined, method: string): boolean {
  return typeof (client as Readonly<Record<string, unknown>> | undefined)?.[method] === 'function';
}
