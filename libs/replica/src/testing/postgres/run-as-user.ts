import { readFileSync } from 'node:fs';
import { PostgresUserNotFoundError } from '../cluster.error.js';
import { UserId } from '../embedded/copy-tree.js';

const CANDIDATES = ['postgres', 'nobody'] as const;

/**
 * The user to run PostgreSQL as, if this process is root, which PostgreSQL refuses. Undefined (no change) for a normal user.
 * @throws PostgresUserNotFoundError
 */
export function userToRunAs(): UserId | undefined {
  return process.getuid?.() === 0 ? findRunAsUser(readFileSync('/etc/passwd', 'utf8')) : undefined;
}

/**
 * The user `postgres`, else `nobody`, among the accounts.
 * @param passwd the text of /etc/passwd
 * @throws PostgresUserNotFoundError
 */
export function findRunAsUser(passwd: string): UserId {
  const accounts = passwd.split('\n').map((line) => line.split(':'));
  for (const candidate of CANDIDATES) {
    const [, , uid, gid] = accounts.find(([name]) => name === candidate) ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new PostgresUserNotFoundError(CANDIDATES);
}
