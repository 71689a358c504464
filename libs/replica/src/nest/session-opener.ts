import type { ExecutionContext } from '@nestjs/common';
import { isPromise } from 'node:util/types';
import type { RequestContext } from '../context/request-context.js';
import type { RequestSession } from '../context/request-session.js';
import { SessionHandle, type SessionHandleOptions } from '../context/session-handle.js';
import { TokenSession } from '../context/token-session.js';
import type { Engine } from '../engine/engine.js';
import type { SessionKey, TokenCarrier } from '../options/replica-options.js';
import { checkedKey } from '../session/session-key.js';
import { isError } from '../errors/is-error.js';
import { SessionTable } from '../session/session-table.js';
import { AnswerProgress, type LeavingHeaders } from './answer-progress.js';
import { responseOf } from './http-of.js';
import { SafeLogger } from './loggers.js';

/** What is known of a request by now. */
type ContextOf = () => ExecutionContext;

/**
 * Ties requests to their sessions, which are found by a key and kept in a store, or carried by the client in a token.
 */
export class SessionOpener {
  readonly #engine: Engine;
  /** What sessions in tokens share with their later requests in this process. */
  readonly #tokenStates = new SessionTable();
  readonly #prefix: string;
  #knownHandleOptions: SessionHandleOptions | undefined;
  /**
   * The answers to requests whose sessions are in tokens. A token leaves with the headers and must cover what follows
   * them.
   */
  readonly #answers = new WeakMap<RequestContext, AnswerProgress>();
  readonly #logger = new SafeLogger();

  /** @param prefix stands before keys: one store may serve several data sources, whose positions must not mix */
  constructor(engine: Engine, prefix: string) {
    this.#engine = engine;
    this.#prefix = prefix;
    if (engine.options.session.key !== undefined && !this.areInTokens) void this.#handleOptions;
  }

  /** Whether clients carry their sessions in tokens. */
  get areInTokens(): boolean {
    return this.#engine.options.session.token !== undefined;
  }

  /** Attaches a session to a new request. Loads nothing yet. */
  attach(request: RequestContext, contextOf: ContextOf): void {
    const { session } = this.#engine.options;
    if (session.token === undefined && session.key === undefined) return;
    if (session.token !== undefined) this.#answers.set(request, new AnswerProgress());
    if (this.#engine.hasReplicas) {
      request.attach(this.#sessionOf(contextOf));
      return;
    }
    // The first replicas may be added while the request runs. What it writes from then on must be saved.
    request.attachLater(() => (this.#engine.hasReplicas ? this.#sessionOf(contextOf) : undefined));
  }

  /**
   * The handler begins. Now it is known whose session it is, or there is none. Throws if the user's function throws.
   */
  conclude(request: RequestContext, context: ExecutionContext): void {
    if (request.session instanceof SessionHandle) request.session.conclude(() => context);
    if (context.getType() === 'http')
      this.#answers.get(request)?.handlerBegan(responseOf(context)?.raw !== undefined);
  }

  /** The handler of an HTTP request has ended with `value`. */
  handlerEnded(request: RequestContext, value: unknown): void {
    this.#answers.get(request)?.handlerEnded(value);
  }

  /**
   * The headers are about to leave: gives the client its new token. If a write is still under way, or may follow in a
   * stream, the token keeps the session on the primary, because no later token can be given. Throws nothing.
   */
  beforeHeaders(request: RequestContext, context: ExecutionContext, headers: LeavingHeaders): void {
    const { session } = request;
    const { token, ttlMs } = this.#engine.options.session;
    if (token === undefined || !(session instanceof TokenSession)) return;
    const mayGoOn = this.#answers.get(request)?.mayGoOn(request, headers) !== false;
    const isOpen = mayGoOn || request.unsettled || request.ledger.isUnderWay;
    if (!isOpen && !session.isChanged) return;
    const news = request.ledger.toSave();
    const text = session.token(isOpen ? { ...news, primaryUntilMs: request.clock.latestMs() + ttlMs } : news);
    try {
      const written: unknown = (token as TokenCarrier<ExecutionContext>).write(context, text, ttlMs);
      if (isPromise(written)) written.catch((error: unknown) => this.#tokenNotWritten(error));
    } catch (error) {
      this.#tokenNotWritten(error);
    }
  }

  get #handleOptions(): SessionHandleOptions {
    const key = this.#engine.options.session.key as SessionKey<ExecutionContext> | undefined;
    // A guard may tell more of the request after its session was attached.
    return (this.#knownHandleOptions ??= this.#engine
      .keyedSessions({ prefix: this.#prefix, log: this.#logger })
      .handleOptions((contextOf) => checkedKey('session.key', key?.((contextOf as ContextOf)()))));
  }

  #sessionOf(contextOf: ContextOf): RequestSession {
    const { token } = this.#engine.options.session;
    return token === undefined
      ? new SessionHandle(this.#handleOptions, contextOf)
      : this.#tokenSession(token, contextOf);
  }

  /** If the token cannot be read, the session is never known, and the request fails when its handler begins. */
  #tokenSession(carrier: TokenCarrier<ExecutionContext>, contextOf: ContextOf): RequestSession {
    try {
      const token = checkedKey('session.token.read', carrier.read(contextOf()));
      return this.#engine.sessionOf(token, this.#tokenStates);
    } catch (error) {
      const resolveKey = (): never => {
        throw error;
      };
      return new SessionHandle({ ...this.#handleOptions, resolveKey }, contextOf);
    }
  }

  /** The error's message is not logged, because it may quote the token. */
  #tokenNotWritten(error: unknown): void {
    const name = isError(error) ? error.name : typeof error;
    this.#logger.errorNowAndThen(
      `session.token.write failed (${name}): the client may be shown what is older than its own write`,
    );
  }
}
