import type { Position } from '../session/position.js';
import { inTime } from '../topology/in-time.js';
import { Marks } from './marks.js';
import type { RedisAnswers } from './redis-answers.js';

const PREFIX = 'nestjs-replica:changed:';

/** How long Redis keeps a mark; milliseconds. Answers that are older may be older than a mark that is gone. */
export const KEPT_MS = 24 * 3_600_000;

/** Keeps the later of the kept and the given mark. ARGV: the mark, and the time to keep it in milliseconds. */
const SCRIPT = `
local kept = redis.call('GET', KEYS[1])
local mark = (kept and kept > ARGV[1]) and kept or ARGV[1]
redis.call('SET', KEYS[1], mark, 'PX', ARGV[2])
return 1
`;

/**
 * Marks that several processes share, in the Redis of TypeORM's own cache. All marks that are raised while others are on their way go
 * together. Those that Redis did not take go with the next ones. Once Redis was late, nobody waits until it answers in time again.
 */
export class RedisMarks {
  readonly #redis: RedisAnswers;
  readonly #timeoutMs: number;
  /** What Redis does not have yet. */
  readonly #unsent = new Marks();
  #sending: Promise<void> | undefined;
  /** What is sent after that. */
  #next: Promise<void> | undefined;
  #isLate = false;

  /** @param timeoutMs how long a write waits for Redis, and a read; milliseconds */
  constructor(redis: RedisAnswers, timeoutMs: number) {
    this.#redis = redis;
    this.#timeoutMs = timeoutMs;
  }

  /** Resolves when Redis has the marks, or is late. Never rejects. `undefined`: there is nothing to wait for. */
  raise(keys: readonly string[], position: Position): Promise<void> | undefined {
    this.#unsent.raise(keys, position);
    const sent = this.#send();
    return this.#isLate ? undefined : inTime(sent, this.#timeoutMs, () => void (this.#isLate = true));
  }

  /** Resolves to `undefined` if it is not known which marks there are. Never rejects. */
  async read(keys: readonly string[]): Promise<readonly (Position | undefined)[] | undefined> {
    if (this.#unsent.size > 0) void this.#send();
    const read = async (name: string): Promise<Position | undefined> => {
      const key = `${PREFIX}${name}`;
      return markOf(await this.#redis.run(['GET', key], key));
    };
    const marks = Promise.all(keys.map(read)).catch(() => undefined);
    return inTime(marks, this.#timeoutMs, () => undefined);
  }

  #send(): Promise<void> {
    if (this.#sending === undefined) return (this.#sending = this.#sendNow());
    return (this.#next ??= this.#sending.then(() => {
      this.#next = undefined;
      return this.#unsent.size > 0 ? this.#send() : this.#sending;
    }));
  }

  async #sendNow(): Promise<void> {
    const sentMs = performance.now();
    await Promise.all(
      this.#unsent.take().map(async ([name, position]) => {
        const key = `${PREFIX}${name}`;
        const mark = position.toString(16).padStart(16, '0');
        try {
          await this.#redis.run(['EVAL', SCRIPT, '1', key, mark, String(KEPT_MS)], key);
        } catch {
          this.#unsent.raise([name], position);
        }
      }),
    );
    this.#sending = undefined;
    this.#isLate = performance.now() - sentMs >= this.#timeoutMs;
  }
}

function markOf(value: unknown): Position | undefined {
  // A client may be told to give bytes.
  const text = Buffer.isBuffer(value) ? value.toString() : value;
  return typeof text === 'string' && /^[0-9a-f]{16}$/.test(text) ? BigInt(`0x${text}`) : undefined;
}
