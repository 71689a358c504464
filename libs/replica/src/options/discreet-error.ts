import { isNativeError } from 'node:util/types';
import { codeOf } from '../errors/describe-error.js';
import { decoded } from './option-values.js';

// Drivers, Node and servers quote their input, and someone may have put a password in the wrong option.

/** An error leaks a text if it contains its first letters, this many. Servers quote at most the first 63 bytes. */
const HEAD_LETTERS = 12;

/**
 * Removes the message and every other property of an error that repeats one of the `suspects` in any spelling. The error keeps its
 * code. An error that repeats none of them stays unchanged.
 */
export function withholdMessage<E>(error: E, suspects: readonly string[]): E {
  if (!isNativeError(error) || suspects.length === 0) return error;
  const heads = suspects.flatMap((text) => waysToWrite(text.slice(0, HEAD_LETTERS)));
  withhold(error, (value) => typeof value === 'string' && heads.some((head) => value.includes(head)));
  return error;
}

function withhold(error: Error, isTelling: (value: unknown) => boolean): void {
  const { cause, errors } = error as { cause?: unknown; errors?: unknown };
  // A host with several addresses gives an AggregateError with one error per address.
  for (const inner of [cause, ...(Array.isArray(errors) ? errors : [])])
    if (isNativeError(inner)) withhold(inner, isTelling);
  const properties = error as unknown as Record<string, unknown>;
  const telling = Object.getOwnPropertyNames(error).filter((key) => isTelling(properties[key]));
  if (telling.length === 0) return;
  for (const key of telling) delete properties[key];
  const message =
    `connecting failed with ${codeOf(error) ?? error.name}; what was said of it is not shown, for it repeats a part of the options ` +
    'that is no plain name and may be a password: look whether each of them is in its place';
  const hidden = { writable: true, configurable: true, enumerable: false };
  Object.defineProperty(error, 'message', { value: message, ...hidden });
  Object.defineProperty(error, 'stack', { value: `${error.name}: ${message}`, ...hidden });
}

function waysToWrite(head: string): readonly string[] {
  // The cut may have split a surrogate pair, and half of one cannot be percent-encoded.
  const text = Buffer.from(head.replace(/[\uD800-\uDBFF]$/, '')).toString();
  const json = JSON.stringify(text).slice(1, -1);
  return [
    text,
    json,
    json.replaceAll('\\"', '"').replaceAll("'", "\\'"),
    encodeURIComponent(text),
    encodeURI(text),
    inBytes(text),
  ];
}

/** As MySQL and MariaDB write a text that they take for one in another encoding: `\xC3\xBC`. */
function inBytes(text: string): string {
  const bytes = Array.from(Buffer.from(text));
  return bytes
    .map((byte) => (byte < 0x80 ? String.fromCharCode(byte) : `\\x${byte.toString(16).toUpperCase()}`))
    .join('');
}

/** The name of a user, a database, a file or a host. A password that looks like one cannot be told apart from it. */
const PLAIN_NAME = /^[\w./-]{1,63}$/;
/** Names seldom contain all three kinds. */
const KINDS_OF_LETTERS = [/[a-z]/, /[A-Z]/, /\d/];

/** What drivers call the URL of a connection. */
const URL_KEYS = ['connectionString', 'uri'];

/** How deep the search goes into nested options, as in `ssl: { ca: [...] }`. */
const DEPTH = 3;
/** Shorter pieces would match almost any error. */
const MIN_PIECE_LETTERS = 3;

/**
 * Lists the connection options that may be a misplaced password: every text that is not a plain name. A URL counts by its
 * parts.
 */
export function suspectsIn(options: unknown, depth = DEPTH): readonly string[] {
  if (typeof options === 'string') return isPlainName(options) ? [] : [options];
  if (typeof options !== 'object' || options === null || ArrayBuffer.isView(options) || depth === 0)
    return [];
  return Object.entries(options).flatMap(([key, value]) => {
    if (typeof value !== 'string') return suspectsIn(value, depth - 1);
    if (URL_KEYS.includes(key)) return suspectsIn(partsOf(value));
    const found = suspectsIn(value);
    // The server splits these and quotes the pieces that it does not understand.
    return key === 'options' && found.length > 0 ? [...found, ...piecesOf(value)] : found;
  });
}

function isPlainName(text: string): boolean {
  return text === '' || (PLAIN_NAME.test(text) && !KINDS_OF_LETTERS.every((kind) => kind.test(text)));
}

function piecesOf(options: string): readonly string[] {
  return options.split(/[\s=\\]+/).filter((piece) => piece.length >= MIN_PIECE_LETTERS);
}

/** The parts of a URL, both as drivers decode them and as they are written. */
function partsOf(connectionString: string): object {
  try {
    const { username, pathname, searchParams } = new URL(connectionString);
    const path = pathname.slice(1);
    return {
      ...Object.fromEntries(searchParams),
      parts: [username, path, ...searchParams.keys()].flatMap((part) => [part, decoded(part)]),
    };
  } catch {
    return [connectionString];
  }
}
