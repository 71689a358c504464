import type { EventEmitter } from 'node:events';
import type pg from 'pg';

const FORWARDED = ['notification', 'notice', 'end'] as const;

/**
 * Lets the owner of a connection hear what happens on it, as one of `pg` would. `onError` is told of the connection's errors and says
 * whether the owner is to hear of this one. Gives how to stop.
 */
export function forwardEvents(
  client: pg.PoolClient,
  owner: EventEmitter,
  onError: (error: unknown) => boolean,
): () => void {
  const listeners: (readonly [string, (...args: unknown[]) => void])[] = [
    [
      'error',
      (error) => {
        if (onError(error) && owner.listenerCount('error') > 0) owner.emit('error', error);
      },
    ],
    ...FORWARDED.map((event) => [event, (...args: unknown[]) => void owner.emit(event, ...args)] as const),
  ];
  for (const [event, listener] of listeners) client.on(event as 'error', listener);
  return () => {
    for (const [event, listener] of listeners) client.removeListener(event, listener);
  };
}
