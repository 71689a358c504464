import { inspect } from 'node:util';

/**
 * Makes `util.inspect()` (and so `console.log` and loggers) and `JSON.stringify()` show the result of `shown` in place of
 * `target`. For objects that hold credentials and may be printed. A copy of the object is not concealed.
 */
export function conceal<T extends object>(target: T, shown: () => object): T {
  for (const key of [inspect.custom, 'toJSON']) {
    Object.defineProperty(target, key, { value: shown, enumerable: false, configurable: true });
  }
  return target;
}

/** Options as they may be shown: numbers and switches, which hold no secret, and of the others only the keys. */
export function withoutTexts(options: object): object {
  return Object.fromEntries(
    entriesOf(options).map(([key, value]) => [
      key,
      typeof value === 'boolean' || (typeof value === 'number' && key !== 'port') || value === undefined
        ? value
        : '(not shown)',
    ]),
  );
}

/** A key that is not a word may be a secret, too. */
function entriesOf(options: object): [string, unknown][] {
  return Object.entries(options).filter(([key]) => /^[A-Za-z0-9]{1,40}$/.test(key));
}
