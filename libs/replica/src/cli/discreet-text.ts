import { inspect } from 'node:util';
import { decoded } from '../options/option-values.js';

/** Shorter ones stand in any text. */
const MIN_SECRET_LETTERS = 3;

const secrets = new Set<string>();

/** Notes the passwords in options, so that {@link withoutSecrets} knows them: those of nodes, and those in their URLs. */
export function learnSecrets(options: unknown, depth = 5): void {
  if (typeof options !== 'object' || options === null || depth === 0) return;
  for (const [key, value] of Object.entries(options) as [string, unknown][]) {
    if (typeof value !== 'string') learnSecrets(value, depth - 1);
    else if (key === 'password' || key === 'passphrase') addSecret(value);
    else learnUrl(value);
  }
}

/** Notes what may be a password in a text that may be a URL, also in one that cannot be parsed. */
export function learnUrl(text: string): void {
  // Up to the last @: a password may hold any letter, and whoever writes it does not always encode it.
  const [, password] = /:\/\/[^:@/]*:(.*)@/s.exec(text) ?? [];
  if (password !== undefined) addSecret(password);
}

function addSecret(secret: string): void {
  for (const one of [secret, decoded(secret)]) if (one.length >= MIN_SECRET_LETTERS) secrets.add(one);
}

/**
 * The last line of defence before a message of somebody else's is shown: whatever a driver, a server or a file said, no known password
 * leaves this process. A message that tells one is replaced as a whole, because who reads it must not learn where the password began.
 */
export function withoutSecrets(message: string): string {
  const isTelling = [...secrets].some((secret) =>
    waysToWrite(secret).some((written) => message.includes(written)),
  );
  return isTelling
    ? 'what was said of it is not shown, because it repeats a password: look whether each option is in its place'
    : message;
}

function waysToWrite(secret: string): readonly string[] {
  const text = Buffer.from(secret).toString();
  return [
    secret,
    encodeURIComponent(text),
    encodeURI(text),
    JSON.stringify(text).slice(1, -1),
    inspect(text).slice(1, -1),
  ];
}
