/** Small checks of option values. Each adds a line `path: what was given, what is allowed` to the list of problems. */
export class OptionProblems {
  readonly list: string[] = [];

  add(path: string, problem: string): void {
    this.list.push(`${path} ${problem}`);
  }

  /** An object with known keys only; `false` when it is no object at all. */
  object(path: string, value: unknown, knownKeys: readonly string[]): value is Record<string, unknown> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      this.add(
        path || 'the options',
        `must be an object, not ${typeof value === 'string' ? 'a text' : describe(value)}`,
      );
      return false;
    }
    for (const key of Object.keys(value)) {
      if (knownKeys.includes(key)) continue;
      const meant = closest(key, knownKeys);
      this.add(
        path === '' ? key : `${path}.${key}`,
        `is not an option${meant ? `; did you mean ${meant}?` : ''}`,
      );
    }
    return true;
  }

  /** A finite number of at least `min`; absent is fine. */
  number(path: string, value: unknown, min: number): void {
    if (value === undefined) return;
    if (typeof value !== 'number' || !Number.isFinite(value) || value < min) {
      this.add(path, `must be a number of at least ${min}, not ${describe(value)}`);
    }
  }

  /** A whole number of at least `min`; absent is fine. */
  whole(path: string, value: unknown, min: number): void {
    if (value === undefined || (Number.isInteger(value) && (value as number) >= min)) return;
    this.add(path, `must be a whole number of at least ${min}, not ${describe(value)}`);
  }

  /** A text that is not empty; absent is fine. */
  text(path: string, value: unknown): void {
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      this.add(path, `must be a text, not ${value === '' ? 'an empty one' : describe(value)}`);
  }

  function(path: string, value: unknown, example: string): void {
    if (value !== undefined && typeof value !== 'function')
      this.add(path, `must be a function such as ${example}, not ${describe(value)}`);
  }

  /** Labels, all of them texts; absent is fine. */
  tags(path: string, value: unknown): void {
    if (value === undefined) return;
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    if (!isObject || Object.values(value).some((one) => typeof one !== 'string'))
      this.add(path, `must be an object of texts such as { usage: 'reporting' }, not ${describe(value)}`);
  }

  boolean(path: string, value: unknown): void {
    if (value !== undefined && typeof value !== 'boolean')
      this.add(path, `must be true or false, not ${describe(value)}`);
  }

  oneOf(path: string, value: unknown, allowed: readonly string[]): void {
    if (value !== undefined && !allowed.includes(value as string)) {
      this.add(
        path,
        `must be one of ${allowed.map((text) => `'${text}'`).join(', ')}, not ${describe(value)}`,
      );
    }
  }
}

/** A value for people: short, and never the inside of an object. */
export function describe(value: unknown): string {
  if (typeof value === 'string') {
    // Whatever looks like a URL may hold a password.
    if (/[@:]/.test(value)) return 'a text that is not shown here';
    return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  }
  if (value === null || ['number', 'boolean', 'undefined', 'bigint'].includes(typeof value))
    return String(value);
  return Array.isArray(value) ? 'a list' : `${typeof value === 'function' ? 'a' : 'an'} ${typeof value}`;
}

/** The known key that differs from `key` by letter case or at most two edits. */
function closest(key: string, known: readonly string[]): string | undefined {
  const wanted = key.toLowerCase();
  return known.find((candidate) => edits(wanted, candidate.toLowerCase()) <= 2);
}

/** The Levenshtein distance. */
function edits(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next[j] = Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1);
    }
    row = next;
  }
  return row[b.length] as number;
}
