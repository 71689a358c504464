import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import type { DatabaseFamily } from './database-type.js';

/**
 * Small checks of option values. Each adds a line to the list of problems: where, what kind of value was given, and what is
 * allowed. No line repeats a given text, because anything may have been put in the wrong place, even a password. Unless a
 * check says otherwise, it accepts `undefined`.
 */
export class OptionProblems {
  readonly list: string[] = [];
  /** What has no effect. It is logged, and stops nobody. */
  readonly warnings: string[] = [];
  /** The databases whose options these are. `undefined`: nobody knows yet. */
  readonly family: DatabaseFamily | undefined;

  constructor(family?: DatabaseFamily) {
    this.family = family;
  }

  add(path: string, problem: string): void {
    this.list.push(`${path} ${problem}`);
  }

  warn(path: string, hint: string): void {
    this.warnings.push(`${path}: ${hint}`);
  }

  /** Throws one `InvalidReplicaOptionsError` with all problems, if there are any; `where` precedes each. */
  throwIfAny(where = ''): void {
    if (this.list.length > 0)
      throw new InvalidReplicaOptionsError(this.list.map((problem) => `${where}${problem}`));
  }

  /** An object that has only known keys; `false` if it is no object at all. Does not accept `undefined`. */
  object(path: string, value: unknown, knownKeys: readonly string[]): value is Record<string, unknown> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.add(
        path || 'the options',
        `must be an object, not ${typeof value === 'string' ? 'a text' : describe(value)}`,
      );
      return false;
    }
    for (const key of Object.keys(value)) {
      if (!knownKeys.includes(key)) this.#unknownKey(path, key, knownKeys);
    }
    return true;
  }

  /**
   * As {@link object}, for options that others may read as well. An unknown key is a mistake if it looks misspelt; any other
   * one causes a warning, with the hint that `replaced` has for it.
   */
  lenientObject(
    value: unknown,
    knownKeys: readonly string[],
    replaced: Readonly<Record<string, string>>,
  ): value is Record<string, unknown> {
    if (!this.object('', value, [...knownKeys, ...othersThan(knownKeys, value)])) return false;
    for (const key of othersThan(knownKeys, value)) {
      const hint =
        (Object.hasOwn(replaced, key) ? replaced[key] : undefined) ?? 'it is no option, and has no effect';
      this.warn(shownKey(key), hint);
    }
    return true;
  }

  #unknownKey(path: string, key: string, knownKeys: readonly string[]): void {
    const meant = elsewhereCalled(key, knownKeys) ?? slipOf(key, knownKeys);
    const shown = meant === undefined ? shownKey(key) : key;
    this.add(
      path === '' ? shown : `${path}.${shown}`,
      `is not an option${meant === undefined ? '' : `; did you mean ${meant}?`}`,
    );
  }

  /** A finite number of at least `min`. */
  number(path: string, value: unknown, min: number): void {
    if (value === undefined) return;
    if (typeof value !== 'number' || !Number.isFinite(value) || value < min) {
      this.add(path, `must be a number of at least ${min}, not ${describe(value)}`);
    }
  }

  /** A whole number of at least `min`. */
  whole(path: string, value: unknown, min: number): void {
    if (value === undefined || (Number.isInteger(value) && (value as number) >= min)) return;
    this.add(path, `must be a whole number of at least ${min}, not ${describe(value)}`);
  }

  /** A text that is not empty. */
  text(path: string, value: unknown): void {
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      this.add(path, `must be a text, not ${value === '' ? 'an empty one' : describe(value)}`);
  }

  /** A text that topology and headers may show: it has only letters, digits and harmless signs. */
  label(path: string, value: unknown): void {
    if (typeof value === 'string' && value !== '' && !LABEL.test(value))
      this.add(path, `must be of letters, digits, spaces and . _ : / + = , ( ) -, 100 at most`);
    else this.text(path, value);
  }

  function(path: string, value: unknown, example: string): void {
    if (value !== undefined && typeof value !== 'function')
      this.add(path, `must be a function such as ${example}, not ${describe(value)}`);
  }

  /** An object of labels. */
  tags(path: string, value: unknown): void {
    if (value === undefined) return;
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isObject || Object.values(value).some((one) => typeof one !== 'string'))
      this.add(path, `must be an object of texts such as { usage: 'reporting' }, not ${describe(value)}`);
    else for (const label of Object.entries(value).flat()) if (label !== '') this.label(path, label);
  }

  boolean(path: string, value: unknown): void {
    if (value !== undefined && typeof value !== 'boolean')
      this.add(path, `must be true or false, not ${describe(value)}`);
  }

  oneOf(path: string, value: unknown, allowed: readonly string[]): void {
    if (value !== undefined && !allowed.includes(value as string)) {
      const meant = typeof value === 'string' ? slipOf(value, allowed) : undefined;
      this.add(
        path,
        `must be one of ${allowed.map((text) => `'${text}'`).join(', ')}, not ${describe(value)}` +
          (meant === undefined ? '' : `; did you mean '${meant}'?`),
      );
    }
  }
}

const LABEL = /^[\p{L}\p{N} ._:/+=,()-]{1,100}$/u;

/** What kind of value it is, for people. Shows neither a text nor the inside of an object, which may hold a password. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return value === '' ? 'an empty text' : 'a text';
  if (value === null || ['number', 'boolean', 'undefined', 'bigint'].includes(typeof value))
    return String(value);
  return Array.isArray(value) ? 'a list' : `${typeof value === 'function' ? 'a' : 'an'} ${typeof value}`;
}

/** As {@link describe}, but shows a text that could be a node's name. */
export function describeName(name: unknown): string {
  return typeof name === 'string' && /^[\w.-]{1,64}$/.test(name) ? `"${name}"` : describe(name);
}

/** The known text that `given` most likely misspells: it differs by letter case or by two edits, or one edit if it is short. */
export function slipOf(given: string, known: readonly string[]): string | undefined {
  // Nothing longer can be a misspelt name.
  if (given.length > MAX_SHOWN_LETTERS) return undefined;
  const wanted = given.toLowerCase();
  let best: { readonly text: string; readonly distance: number } | undefined;
  for (const text of known) {
    const candidate = text.toLowerCase();
    const isBeginning = wanted.length > 2 && candidate.startsWith(wanted);
    const distance = isBeginning ? 1 : edits(wanted, candidate);
    if (distance > (text.length < 6 ? 1 : 2)) continue;
    if (best === undefined || distance < best.distance) best = { text, distance };
  }
  return best?.text;
}

/** What settings of the drivers are called here. */
const NAMES_IN_DRIVERS: Readonly<Record<string, string>> = {
  max: 'size',
  connectionLimit: 'size',
  idleTimeout: 'idleTimeoutMs',
  acquireTimeout: 'connectTimeoutMs',
  idleTimeoutMillis: 'idleTimeoutMs',
  connectionTimeoutMillis: 'connectTimeoutMs',
  statement_timeout: 'statementTimeoutMs',
  application_name: 'applicationName',
};

function elsewhereCalled(key: string, known: readonly string[]): string | undefined {
  const name = Object.hasOwn(NAMES_IN_DRIVERS, key) ? NAMES_IN_DRIVERS[key] : undefined;
  return name !== undefined && known.includes(name) ? name : undefined;
}

const MAX_SHOWN_LETTERS = 40;

function othersThan(knownKeys: readonly string[], value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.keys(value).filter((key) => !knownKeys.includes(key) && slipOf(key, knownKeys) === undefined);
}

/** A key that is not a word may be anything, such as a URL. */
function shownKey(key: string): string {
  return /^[A-Za-z]+$/.test(key) && key.length <= MAX_SHOWN_LETTERS ? key : '(a key that is not shown here)';
}

/** The number of letters that differ, are missing or are too many. Two that changed places count as one. */
function edits(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] as number) + 1 : Infinity;
      next[j] = Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1, swapped);
    }
    [before, row] = [row, next];
  }
  return row[b.length] as number;
}
