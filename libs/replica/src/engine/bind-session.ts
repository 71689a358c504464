import { checkedKey } from '../session/session-key.js';
import { InvalidSessionKeyError } from '../errors/invalid-session-key.error.js';
import { SessionNotBoundError } from '../errors/session-not-bound.error.js';
import type { Engine } from './engine.js';

/** Binds the request around the caller to the session of `key`. Throws if no later request could find that session. */
export function bindSession(key: string, { contexts, options, hasReplicas }: Engine): void {
  if (checkedKey('bindSession()', key) === undefined || key === null || key === '')
    throw new InvalidSessionKeyError('bindSession()', key);
  const { session } = options;
  if (session.token !== undefined)
    throw new SessionNotBoundError(
      'with `session.token` the client carries its session itself, also through a log-in: there is no other to bind to.',
    );
  const request = contexts.surrounding()?.request;
  if (session.key === undefined && request?.mayHaveSession !== true)
    throw new SessionNotBoundError(
      'nobody would come with this key, for the option `session.key` is not set.',
    );
  if (request === undefined || (hasReplicas && request.session === undefined))
    throw new SessionNotBoundError(
      'it was called outside a request, where nothing tells whose writes to bind.',
    );
  if (!request.bindSession(key))
    throw new SessionNotBoundError('inside `runWithToken()` the token is the session: call it around that.');
}
