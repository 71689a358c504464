/** A new connection leads to a server that may get nothing: of another cluster, or not the one that the monitor knows. */
export class WrongServerError extends Error {
  override readonly name = 'WrongServerError';
  readonly code = 'REPLICA_WRONG_SERVER';
}
