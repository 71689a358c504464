import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { Observable, type Observer, type Subscriber } from 'rxjs';
import type { Scope } from '../context/context-storage.js';
import { HttpScope } from './http-scope.js';
import { RequestOpener } from './request-opener.js';
import { passBeforeEach, settleBeforeEach } from './settle-before-each.js';

/**
 * Reads `@UseReplica()` and `@ForcePrimary()`, the handler's before its class's, and runs the handler under that
 * intent. Lets the answer pass when everything that the handler wrote is saved to the session. Opens the context if
 * nothing else has.
 */
@Injectable()
export class RoutingInterceptor implements NestInterceptor {
  /** @internal Nest makes it. */
  constructor(private readonly opener: RequestOpener) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const outer = this.opener.opened(context);
    const scope = outer ?? this.opener.open(context);
    if (scope === undefined) return next.handle();
    if (scope instanceof HttpScope && scope === this.opener.httpScopeOf(context))
      return this.#interceptHttp(context, next, scope);
    this.opener.conclude(scope.request, context);
    const inner = { request: scope.request, intent: this.opener.intentFor(context, scope.intent) };
    const endsHere = outer === undefined;
    const handler = this.#keepBack(context, next, scope);
    return this.#inside(inner, () => settleBeforeEach(handler.handle(), scope.request, endsHere));
  }

  /** The response waits until everything is saved. */
  #interceptHttp(context: ExecutionContext, handler: CallHandler, scope: HttpScope): Observable<unknown> {
    scope.handlerBegins(context);
    const next = this.#keepBack(context, handler, scope);
    if (this.opener.sessions.areInTokens) {
      // A token leaves with the headers, and they may leave before the body is held back.
      const settled = (): Observable<unknown> => settleBeforeEach(next.handle(), scope.request, false);
      return this.#inside(scope, settled, (subscriber) => this.#watched(subscriber, scope));
    }
    // Something between middleware and guards may have lost the context.
    if (this.opener.engine.contexts.surrounding() !== scope) return this.#inside(scope, () => next.handle());
    return next.handle();
  }

  /** The handler, whose answers wait as its `@SyncWrite()` asks. */
  #keepBack(context: ExecutionContext, next: CallHandler, scope: Scope): CallHandler {
    const gate = this.opener.keepBack(context, scope);
    return gate === undefined ? next : { handle: () => passBeforeEach(next.handle(), gate) };
  }

  /** Nest subscribes later. What runs then must still be inside the scope. */
  #inside(
    scope: Scope,
    handle: () => Observable<unknown>,
    observer: (subscriber: Subscriber<unknown>) => Observer<unknown> = (subscriber) => subscriber,
  ): Observable<unknown> {
    const { contexts } = this.opener.engine;
    return new Observable((subscriber) =>
      contexts.run(scope, () => handle().subscribe(observer(subscriber))),
    );
  }

  /** Notes the last value of the handler of an HTTP request when it ends. */
  #watched(subscriber: Subscriber<unknown>, scope: Scope): Observer<unknown> {
    let last: unknown;
    return {
      next: (value) => {
        last = value;
        subscriber.next(value);
      },
      error: (error) => subscriber.error(error),
      complete: () => {
        this.opener.sessions.handlerEnded(scope.request, last);
        subscriber.complete();
      },
    };
  }
}
