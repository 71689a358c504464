import { isNativeError } from 'node:util/types';
import pg from 'pg';
import { codeOf } from '../errors/describe-error.js';
import { kindOfFailure, SafeMessageError } from '../errors/safe-message.error.js';
import { decoded } from '../options/option-values.js';

/**
 * A client of `pg` whose failure to connect repeats nothing that may be a password. `pg`, Node and the server quote what they were
 * given (`database "..." does not exist`), and somebody may have put a password there.
 */
export class DiscreetClient extends pg.Client {
  constructor(config: pg.ClientConfig = {}) {
    try {
      super(withDiscreetPassword(config));
    } catch (error) {
      // The URL names a file that cannot be read, for one.
      throw withholdMessage(error, suspectsIn(config));
    }
  }

  override connect(): Promise<this>;
  override connect(callback: (error: Error) => void): void;
  override connect(callback?: (error: Error) => void): Promise<this> | void {
    if (callback !== undefined) return super.connect((error: Error) => callback(this.#discreet(error)));
    return (super.connect() as Promise<this>).catch((error: Error) => {
      throw this.#discreet(error);
    });
  }

  /** `pg` gives its callback nothing where all went well. */
  #discreet<E extends Error>(error: E): E {
    if (!(error as E | undefined)) return error;
    // What the options, the URL and the environment say together.
    const { connectionParameters, ssl } = this as unknown as { connectionParameters: object; ssl: unknown };
    return withholdMessage(error, suspectsIn({ ...connectionParameters, ssl }));
  }
}

/** What the application's own function throws may quote anything. */
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

/** So many letters of a text betray it: servers quote no more than the first 63 bytes. */
const HEAD_LETTERS = 12;

/**
 * The same error, without its message and whatever else of it repeats one of the `suspects`, in whichever way it is written; its code
 * stays. An error that repeats none stays as it is.
 */
export function withholdMessage<E>(error: E, suspects: readonly string[]): E {
  if (!isNativeError(error) || suspects.length === 0) return error;
  const heads = suspects.flatMap((text) => waysToWrite(text.slice(0, HEAD_LETTERS)));
  withhold(error, (value) => typeof value === 'string' && heads.some((head) => value.includes(head)));
  return error;
}

function withhold(error: Error, isTelling: (value: unknown) => boolean): void {
  const { cause, errors } = error as { cause?: unknown; errors?: unknown };
  // Of a host with several addresses there is one for each.
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
  // Half of a letter that takes two units cannot be percent-encoded; at the end it may have been cut off here.
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

/** What a user, a database, a file or a host is called. A password that looks like this cannot be told from a name. */
const PLAIN_NAME = /^[\w./-]{1,63}$/;
/** Names are seldom made of all three. */
const KINDS_OF_LETTERS = [/[a-z]/, /[A-Z]/, /\d/];

/** How deep texts are looked for: `ssl: { ca: [...] }`. */
const DEPTH = 3;
/** A shorter piece of a text would be found anywhere. */
const MIN_PIECE_LETTERS = 3;

/**
 * The texts among the options of a connection that may be a password in the wrong place: all that are no plain names. Of a URL, its
 * parts.
 */
export function suspectsIn(options: unknown, depth = DEPTH): readonly string[] {
  if (typeof options === 'string') return isPlainName(options) ? [] : [options];
  if (typeof options !== 'object' || options === null || ArrayBuffer.isView(options) || depth === 0)
    return [];
  return Object.entries(options).flatMap(([key, value]) => {
    if (typeof value !== 'string') return suspectsIn(value, depth - 1);
    if (key === 'connectionString') return suspectsIn(partsOf(value));
    const found = suspectsIn(value);
    // The server takes these apart, and quotes what it does not understand.
    return key === 'options' && found.length > 0 ? [...found, ...piecesOf(value)] : found;
  });
}

function isPlainName(text: string): boolean {
  return text === '' || (PLAIN_NAME.test(text) && !KINDS_OF_LETTERS.every((kind) => kind.test(text)));
}

function piecesOf(options: string): readonly string[] {
  return options.split(/[\s=\\]+/).filter((piece) => piece.length >= MIN_PIECE_LETTERS);
}

/** As `pg` takes a URL apart, and as it stands there. */
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
