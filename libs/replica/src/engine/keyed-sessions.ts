import type { SessionHandleOptions } from '../context/session-handle.js';
import { kindOfFailure } from '../errors/safe-message.error.js';
import type { ResolvedOptions } from '../options/resolve-options.js';
import { GuardedSessionStore, type StoreCall } from '../session/guarded.store.js';
import { MemorySessionStore } from '../session/memory.store.js';
import type { SessionStore } from '../session/session-store.js';
import { SessionTable } from '../session/session-table.js';
import type { LogSink } from './operator-log.js';
import type { RouterCounter } from '../observability/router-counters.js';

/** How long a store must answer without a failure before an outage has ended; milliseconds. */
const OUTAGE_QUIET_MS = 1_000;

/** What {@link KeyedSessions} work with. */
export interface KeyedSessionsOptions {
  readonly session: Pick<ResolvedOptions['session'], 'store' | 'timeoutMs' | 'ttlMs'>;
  /** Stands before keys: one store may serve several data sources, whose positions must not mix. */
  readonly prefix: string;
  readonly counters: Record<RouterCounter, number>;
  readonly log: Pick<LogSink, 'log' | 'error'>;
}

/** The sessions that are found by a key, and what keeps their state. */
export class KeyedSessions {
  readonly #options: KeyedSessionsOptions;
  readonly #store: SessionStore;
  /** What requests of this process saved recently. Our own store is this process's memory, and needs none. */
  readonly #recent: SessionTable | undefined;
  /** When the store last failed in an outage that has not ended yet; milliseconds since the epoch. */
  #lastFailureMs: number | undefined;

  constructor(options: KeyedSessionsOptions) {
    this.#options = options;
    this.#store = this.#openStore();
    this.#recent = isOurMemory(this.#store) ? undefined : new SessionTable();
  }

  /** How many are kept in this process; `null`: they are kept elsewhere. */
  get stored(): number | null {
    return this.#store instanceof MemorySessionStore ? this.#store.size : null;
  }

  /** What the handles of these sessions work with, whose keys `resolveKey` finds. */
  handleOptions(resolveKey: SessionHandleOptions['resolveKey']): SessionHandleOptions {
    const { session, prefix } = this.#options;
    const { timeoutMs, ttlMs } = session;
    return { store: this.#store, recent: this.#recent, timeoutMs, ttlMs, keyPrefix: prefix, resolveKey };
  }

  /** The guarded store of the options. Our own store in memory neither fails nor is late, and needs no guard. */
  #openStore(): SessionStore {
    const { store = new MemorySessionStore(), timeoutMs } = this.#options.session;
    if (isOurMemory(store)) return store;
    return new GuardedSessionStore({
      store,
      timeoutMs,
      onFailure: (error, doing) => this.#storeFailed(error, doing),
      onAnswer: () => this.#storeAnswered(),
    });
  }

  /** Counts each failure, and logs one line per outage. */
  #storeFailed(error: unknown, doing: StoreCall): void {
    const { counters, log } = this.#options;
    counters[doing === 'load' ? 'failedSessionLoads' : 'failedSessionSaves']++;
    const isSaid = this.#lastFailureMs !== undefined;
    this.#lastFailureMs = Date.now();
    if (isSaid) return;
    log.error(
      `the session store failed to ${doing}; reads of its sessions go to the primary: ${kindOfFailure(error)}`,
    );
  }

  /** A store that fails now and then, or only when it saves, is one outage. */
  #storeAnswered(): void {
    if (this.#lastFailureMs === undefined || Date.now() - this.#lastFailureMs < OUTAGE_QUIET_MS) return;
    this.#lastFailureMs = undefined;
    this.#options.log.log('the session store answers again');
  }
}

/** Whether the store is our own one in memory, neither extended nor changed. */
function isOurMemory(store: SessionStore): boolean {
  return Object.getPrototypeOf(store) === MemorySessionStore.prototype && Object.keys(store).length === 0;
}
