import { inspect } from 'node:util';

/**
 * Makes `util.inspect()` (so `console.log` and loggers) and `JSON.stringify` show `shown` instead of what is in `target`:
 * for objects that hold credentials and that people come across. Copies of its properties are not concealed.
 */
export function conceal<T extends object>(target: T, shown: () => object): T {
  for (const key of [inspect.custom, 'toJSON']) {
    Object.defineProperty(target, key, { value: shown, enumerable: false, configurable: true });
  }
  return target;
}

/** Of options: those that are numbers, switches or `undefined`, which hold no secret, and the names of the others. */
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

/** A key that is no word may be anything, too. */
function entriesOf(options: object): [string, unknown][] {
  return Object.entries(options).filter(([key]) => /^[A-Za-z0-9]{1,40}$/.test(key));
}
