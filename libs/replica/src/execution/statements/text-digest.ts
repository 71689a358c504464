import { createHash } from 'node:crypto';

/** Identifies a SQL text without showing it: 32 letters of its SHA-256, as in the names of prepared statements. */
export function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64url').slice(0, 32);
}
