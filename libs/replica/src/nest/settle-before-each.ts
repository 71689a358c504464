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
