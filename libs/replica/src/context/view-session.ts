import type { SessionView } from '../routing/route-query.js';
import type { SessionClock } from '../session/session-clock.js';
import type { RequestSession } from './request-session.js';

/**
 * What routing needs to know of a session. A store that other processes share may have forgotten early what it kept, where its
 * clock stepped like ours: then nobody knows what a session has written that it does not know.
 */
export function viewSession(
  session: RequestSession | undefined,
  clock: SessionClock,
): SessionView | undefined {
  const view = session?.view(clock.earliestMs());
  const isNew = view?.status === 'loaded' && view.position === undefined && view.servedBy === undefined;
  return isNew && session?.isShared === true && clock.hasStepped ? { ...view, onPrimary: true } : view;
}
