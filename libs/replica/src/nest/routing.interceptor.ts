import { type CallHandler, type ExecutionContext, Injectable, type NestInterceptor } from '@nestjs/common';
import { Observable, type Observer, type Subscriber } from 'rxjs';
import type { Scope } from '../context/context-storage.js';
import { RequestOpener } from './request-opener.js';
import { settleBeforeEach } from './settle-before-each.js';

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
    const { contexts } = this.opener.engine;
    const outer = this.opener.opened(context);
    const scope = outer ?? this.opener.open(context);
    if (scope === undefined) return next.handle();
    this.opener.sessions.conclude(scope.request, context);
    const inner: Scope = { request: scope.request, intent: this.opener.intentFor(context, scope) };
    const endsHere = outer === undefined && context.getType() !== 'http';
    const isHttp = context.getType() === 'http';
    // Nest subscribes later. What runs then must still be inside the scope.
    return new Observable((subscriber) =>
      contexts.run(inner, () => {
        const answer = settleBeforeEach(next.handle(), scope.request, endsHere);
        return answer.subscribe(isHttp ? this.#watched(subscriber, scope) : subscriber);
      }),
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
