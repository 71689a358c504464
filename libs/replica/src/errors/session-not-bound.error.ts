/** `bindSession()` was called where there is nothing to bind; what the message says is to be done. Nothing was changed. */
export class SessionNotBoundError extends Error {
  override readonly name = 'SessionNotBoundError';
  readonly code = 'REPLICA_SESSION_NOT_BOUND';

  constructor(why: string) {
    super(`bindSession(): ${why}`);
  }
}
