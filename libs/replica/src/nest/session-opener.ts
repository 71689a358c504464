import { Logger, type ExecutionContext } from '@nestjs/common';
import type { RequestContext } from '../context/request-context.js';
import type { RequestSession } from '../context/request-session.js';
import { SessionHandle, type SessionHandleOptions } from '../context/session-handle.js';
import { TokenSession } from '../context/token-session.js';
import type { SessionKey, TokenCarrier } from '../options/replica-options.js';
import type { Intent } from '../routing/route-query.js';
import { GuardedSessionStore, type StoreCall } from '../session/guarded.store.js';
import { MemorySessionStore } from '../session/memory.store.js';
import type { SessionStore } from '../session/session-store.js';
import { SessionTable } from '../session/session-table.js';
import type { DataSourceRouter } from '../typeorm/data-source-router.js';
import { isBodyToCome } from './http-of.js';

/** Ties requests to their sessions: found by a key and kept in a store, or carried by the client in a token. */
export class SessionOpener {
  readonly #router: DataSourceRouter;
  readonly #prefix: string;
  /** What sessions in tokens have in common with their next requests in this process. */
  readonly #tokenStates = new SessionTable();
  readonly #handleOptions: SessionHandleOptions;
  /** The handler's context of requests that have no session yet. */
  readonly #handled = new WeakMap<RequestContext, ExecutionContext>();
  readonly #logger = new Logger('ReplicaModule');
  /** The last failure of an outage of the store that has not ended yet; milliseconds since the epoch. */
  #lastFailureMs: number | undefined;

  /** @param prefix of keys: one store may serve several data sources, whose positions must not mix */
  constructor(router: DataSourceRouter, prefix: string) {
    this.#router = router;
    this.#prefix = prefix;
    const { ttlMs, timeoutMs } = router.options.session;
    const resolveKey = (context: unknown): string | null | undefined =>
      this.#resolveKey(context as ExecutionContext);
    this.#handleOptions = { store: this.#openStore(), timeoutMs, ttlMs, resolveKey };
  }

  /** For a new request. Loads nothing yet. */
  attach(request: RequestContext, context: ExecutionContext): void {
    const { session } = this.#router.options;
    if (session.token === undefined && session.key === undefined) return;
    if (this.#router.hasReplicas) {
      request.attach(this.#sessionOf(context));
      return;
    }
    // The first replicas may be added while it runs: what it writes from then on must be saved.
    request.attachLater(() =>
      this.#router.hasReplicas ? this.#sessionOf(this.#handled.get(request) ?? context) : undefined,
    );
  }

  /** A guard runs: starts loading the session's state where it can matter. */
  begin(request: RequestContext, context: ExecutionContext, intent: Intent): void {
    const isReadFromReplica =
      intent.target === 'replica' || (intent.target === 'default' && intent.safeMethod);
    if (intent.consistency === 'session' && isReadFromReplica) {
      handleOf(request)?.begin(context);
    }
  }

  /** The handler begins: whose session it is can be known by now, or not at all. */
  conclude(request: RequestContext, context: ExecutionContext): void {
    if (!this.#router.hasReplicas) this.#handled.set(request, context);
    handleOf(request)?.conclude(context);
  }

  /**
   * The headers leave now: gives the client its new token. Where a write is still under way, or may follow (a stream
   * began before it), the token keeps the session on the primary: no later one can be given.
   */
  beforeHeaders(request: RequestContext, context: ExecutionContext): void {
    const { session } = request;
    const { token, ttlMs } = this.#router.options.session;
    if (token === undefined || !(session instanceof TokenSession)) return;
    const isOpen = request.unsettled || request.writes.isUnderWay || isBodyToCome(context);
    if (!isOpen && !session.isChanged) return;
    const news = request.news();
    const text = session.token(isOpen ? { ...news, primaryUntilMs: Date.now() + ttlMs } : news);
    (token as TokenCarrier<ExecutionContext>).write(context, text, ttlMs);
  }

  /** One that is in this process's memory neither fails nor is late. */
  #openStore(): SessionStore {
    const { store = new MemorySessionStore(), timeoutMs } = this.#router.options.session;
    if (store.announce !== undefined) return store;
    return new GuardedSessionStore({
      store,
      timeoutMs,
      onFailure: (error, doing) => this.#storeFailed(error, doing),
      onAnswer: () => this.#storeAnswered(),
    });
  }

  #sessionOf(context: ExecutionContext): RequestSession {
    const { token } = this.#router.options.session;
    return token === undefined
      ? new SessionHandle(this.#handleOptions, context)
      : this.#tokenSession(token, context);
  }

  #tokenSession(carrier: TokenCarrier<ExecutionContext>, context: ExecutionContext): TokenSession {
    return new TokenSession({
      codec: this.#router.tokens,
      ttlMs: this.#router.options.session.ttlMs,
      token: carrier.read(context),
      memory: this.#tokenStates,
      onForeignToken: () => this.#router.count('foreignTokens'),
    });
  }

  #resolveKey(context: ExecutionContext): string | null | undefined {
    const key = (this.#router.options.session.key as SessionKey<ExecutionContext>)(context);
    return typeof key === 'string' && key !== '' ? this.#prefix + key : key;
  }

  /** Counted each time, said once per outage. */
  #storeFailed(error: unknown, doing: StoreCall): void {
    this.#router.count(doing === 'load' ? 'failedSessionLoads' : 'failedSessionSaves');
    const isSaid = this.#lastFailureMs !== undefined;
    this.#lastFailureMs = Date.now();
    if (isSaid) return;
    const message = error instanceof Error ? error.message : String(error);
    this.#logger.error(
      `the session store failed to ${doing}; reads of its sessions go to the primary: ${message}`,
    );
  }

  /** A store that fails now and then, or only to save, is one outage. */
  #storeAnswered(): void {
    if (this.#lastFailureMs === undefined || Date.now() - this.#lastFailureMs < OUTAGE_QUIET_MS) return;
    this.#lastFailureMs = undefined;
    this.#logger.log('the session store answers again');
  }
}

function handleOf({ session }: RequestContext): SessionHandle | undefined {
  return session instanceof SessionHandle ? session : undefined;
}

/** An outage has ended when the store answers and has not failed for so long. */
const OUTAGE_QUIET_MS = 1_000;
