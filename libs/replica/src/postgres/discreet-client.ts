import { isNativeError } from 'node:util/types';
import type pg from 'pg';
import { codeOf } from '../errors/describe-error.js';
import { kindOfFailure, SafeMessageError } from '../errors/safe-message.error.js';
import { decoded } from '../options/option-values.js';
import { loadPg } from './load-pg.js';

type PgClient = new (config?: pg.ClientConfig) => pg.Client;

let loaded: PgClient | undefined;

/**
 * The class of `pg` clients whose connection errors never repeat a possible password. `pg`, Node and the server quote their input
 * (`database "..." does not exist`), and someone may have put a password in the wrong option.
 */
export function discreetClient(): PgClient {
  return (loaded ??= discreet(loadPg().Client));
}

function discreet(Client: PgClient): PgClient {
  return class DiscreetClient extends Client {
    constructor(config: pg.ClientConfig = {}) {
      try {
        super(withDiscreetPassword(config));
      } catch (error) {
        // For example, the URL may name a certificate file that cannot be read.
        throw withholdMessage(error, suspectsIn(config));
      }
    }

    override connect(): Promise<this>;
    override connect(callback: (error: Error) => void): void;
    override connect(callback?: (error: Error) => void): Promise<this> | void {
      if (callback !== undefined)
        return super.connect((error: Error) => callback(withoutOptionsOf(this, error)));
      return (super.connect() as Promise<this>).catch((error: Error) => {
        throw withoutOptionsOf(this, error);
      });
    }
  };
}

/** On success, `pg` calls its callback without an error. */
function withoutOptionsOf<E extends Error>(client: pg.Client, error: E): E {
  if (!(error as E | undefined)) return error;
  // These combine the options, the URL and the environment.
  const { connectionParameters, ssl } = client as unknown as { connectionParameters: object; ssl: unknown };
  return withholdMessage(error, suspectsIn({ ...connectionParameters, ssl }));
}

/** Hides the message of an error from the application's password function, which may quote anything. */
function withDiscreetPassword(config: pg.ClientConfig): pg.ClientConfig {
  const { password } = config;
  if (typeof password !== 'function') return config;
  return {
    ...config,
    password: async () => {
      try {
        return await password();
      } catch (error) {
        throw new SafeMessageError(`the function that gives the password failed: ${kindOfFailure(error)}`);
      }
    },
  };
}

/** An error leaks a text if it contains its first letters, this many. Servers quote at most the first 63 bytes. */
const HEAD_LETTERS = 12;

/**
 * Removes the message and every other property of an error that repeats one of the `suspects` in any spelling. The error keeps its
 * code. An error that repeats none of them stays unchanged.
 */
function withholdMessage<E>(error: E, suspects: readonly string[]): E {
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
  ];
}

/** The name of a user, a database, a file or a host. A password that looks like one cannot be told apart from it. */
const PLAIN_NAME = /^[\w./-]{1,63}$/;
/** Names seldom contain all three kinds. */
const KINDS_OF_LETTERS = [/[a-z]/, /[A-Z]/, /\d/];

/** How deep the search goes into nested options, as in `ssl: { ca: [...] }`. */
const DEPTH = 3;
/** Shorter pieces would match almost any error. */
const MIN_PIECE_LETTERS = 3;

/** Lists the connection options that may be a misplaced password: every text that is not a plain name. A URL counts by its parts. */
function suspectsIn(options: unknown, depth = DEPTH): readonly string[] {
  if (typeof options === 'string') return isPlainName(options) ? [] : [options];
  if (typeof options !== 'object' || options === null || ArrayBuffer.isView(options) || depth === 0)
    return [];
  return Object.entries(options).flatMap(([key, value]) => {
    if (typeof value !== 'string') return suspectsIn(value, depth - 1);
    if (key === 'connectionString') return suspectsIn(partsOf(value));
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

/** The parts of a URL, both as `pg` decodes them and as they are written. */
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
