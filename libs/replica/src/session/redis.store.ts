import { createHash } from 'node:crypto';
import { isError } from '../errors/is-error.js';
import { redisSender, type RedisClient, type SendRedisCommand } from './redis-client.js';
import { formatSessionRecord, parseSessionRecord } from './session-record.js';
import type { SessionState } from './session-state.js';
import type { SessionStore } from './session-store.js';

/** Settings of {@link RedisSessionStore}. */
export interface RedisSessionStoreOptions {
  /** You connect it and you close it. */
  readonly client: RedisClient;
  /** Prefix of every key. Default `nestjs-replica:`. */
  readonly prefix?: string;
}

/**
 * With a key alone, the script returns its value. Reading goes through the script because a Redis replica may answer a plain
 * `GET`, and may lack the last save.
 *
 * With three arguments it saves: a record (see `session-record.ts`), the time to keep it in milliseconds, and a record to
 * use instead if the kept one cannot be understood. It keeps the larger of each part, like `mergeSessionStates`. It compares
 * texts, because a Lua number has only 53 bits.
 */
const SCRIPT = `
local kept = redis.call('GET', KEYS[1])
if #ARGV == 0 then return kept end
local new = ARGV[1]
if kept and not string.find(kept, '^2' .. string.rep('[0-9a-f]', 52) .. '[%w_.-]*$') then
  new = ARGV[3]
elseif kept then
  local function larger(first, last)
    local a, b = string.sub(kept, first, last), string.sub(new, first, last)
    if a > b then return a else return b end
  end
  local served = new
  if string.sub(kept, 42, 53) > string.sub(new, 42, 53) then served = kept end
  new = '2' .. larger(2, 17) .. larger(18, 29) .. larger(30, 41) .. string.sub(served, 42)
end
redis.call('SET', KEYS[1], new, 'PX', ARGV[2])
return false
`;
/** Letters of 6 bits each: 132 of the 256 bits of SHA-256. */
const HASH_LETTERS = 22;
const SCRIPT_SHA = createHash('sha1').update(SCRIPT).digest('hex');

/**
 * Keeps sessions in Redis or Valkey, for several instances of the application. The server may stand alone, under Sentinel or
 * in a cluster. A load takes one round trip, and so does a save. Redis deletes expired sessions. It never sees a session
 * key, only hashes.
 */
export class RedisSessionStore implements SessionStore {
  readonly #send: SendRedisCommand;
  readonly #prefix: string;

  constructor(options: RedisSessionStoreOptions) {
    const { client, prefix = 'nestjs-replica:', ...others } = options ?? {};
    if (typeof prefix !== 'string') throw new TypeError('the prefix of RedisSessionStore must be a text');
    if (Object.keys(others).length > 0)
      throw new TypeError('RedisSessionStore takes the options client and prefix, and no other');
    this.#send = redisSender(client);
    this.#prefix = prefix;
  }

  /** Rejects if Redis fails, or if the value under the key is no session state. */
  async load(key: string): Promise<SessionState | undefined> {
    const reply = await this.#run(key, []);
    if (reply === null || reply === undefined) return undefined;
    // A client may be configured to return bytes.
    return parseSessionRecord(Buffer.isBuffer(reply) ? reply.toString('latin1') : (reply as string));
  }

  async save(key: string, state: SessionState, ttlMs: number): Promise<void> {
    const ms = Math.max(1, Math.ceil(ttlMs));
    const onPrimary: SessionState = { ...state, primaryUntilMs: Date.now() + ms };
    await this.#run(key, [formatSessionRecord(state), String(ms), formatSessionRecord(onPrimary)]);
  }

  async #run(key: string, args: readonly string[]): Promise<unknown> {
    const hashed = this.#prefix + createHash('sha256').update(key).digest('base64url').slice(0, HASH_LETTERS);
    try {
      return await this.#send(['EVALSHA', SCRIPT_SHA, '1', hashed, ...args], hashed);
    } catch (error) {
      if (!isError(error) || !error.message.includes('NOSCRIPT')) throw withoutCommand(error);
      return this.#send(['EVAL', SCRIPT, '1', hashed, ...args], hashed);
    }
  }
}

/** ioredis attaches the command to its error. If Redis refuses the password, that command is the log-in, password included. */
function withoutCommand(error: unknown): unknown {
  if (!isError(error)) return error;
  const { lastNodeError } = error as { lastNodeError?: unknown };
  for (const one of [error, lastNodeError]) if (isError(one)) delete (one as { command?: unknown }).command;
  return error;
}
