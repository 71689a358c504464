import { isError } from './is-error.js';

/** An error in words of the library's own, which hold no credential: its message may be logged. */
export class SafeMessageError extends Error {
  override readonly name = 'SafeMessageError';
  readonly code = 'REPLICA_FAILED';
}

/** A word that no credential is. */
const KIND = /^[A-Za-z0-9_]{1,40}$/;

/**
 * Why a function of the application's failed, for the log: the error's class and code. Its message may quote anything, a URL
 * with a password for one, so it is told only where the library itself wrote it.
 */
export function kindOfFailure(error: unknown): string {
  if (!isError(error)) return `it threw ${error === null ? 'null' : `a value of type ${typeof error}`}`;
  if (error instanceof SafeMessageError || error.name === 'InvalidReplicaOptionsError') return error.message;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  const kind = [error.name, code].filter((word) => typeof word === 'string' && KIND.test(word)).join(' ');
  return `it failed with ${kind || 'an error'}, whose message is not shown: it may hold a credential`;
}
