import {
  catchError,
  concat,
  concatMap,
  defer,
  finalize,
  from,
  ignoreElements,
  map,
  mergeMap,
  type Observable,
  of,
  throwError,
} from 'rxjs';
import type { AnswerGate } from '../context/answer-gate.js';
import type { RequestContext } from '../context/request-context.js';

/**
 * Lets each value, the end and an error of `source` pass once everything that the request has written by then is
 * saved to its session. `endsRequest`: the request ends with the source.
 */
export function settleBeforeEach<T>(
  source: Observable<T>,
  request: RequestContext,
  endsRequest: boolean,
): Observable<T> {
  const settle = (): Observable<void> => (request.trySettle() ? of(undefined) : from(request.settle()));
  const settled = source.pipe(
    concatMap((value) => (request.trySettle() ? of(value) : settle().pipe(map(() => value)))),
    catchError((error: unknown) => settle().pipe(mergeMap(() => throwError(() => error)))),
  );
  const ended = concat(settled, defer(settle).pipe(ignoreElements()));
  return endsRequest ? ended.pipe(finalize(() => request.end())) : ended;
}

/** Lets each value and the end of `source` pass through the gate, whose error takes their place. An error of `source` waits for it. */
export function passBeforeEach<T>(source: Observable<T>, gate: AnswerGate): Observable<T> {
  const pass = (): Observable<void> => (gate.isOpen ? of(undefined) : from(gate.pass()));
  const passThen = <R>(then: () => Observable<R>): Observable<R> =>
    pass().pipe(
      catchError(() => of(undefined)),
      mergeMap(then),
    );
  const passed = source.pipe(
    catchError((error: unknown) => passThen(() => throwError(() => error))),
    concatMap((value) => pass().pipe(map(() => value))),
  );
  return concat(passed, defer(pass).pipe(ignoreElements()));
}
