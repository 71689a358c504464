import { inspect } from 'node:util';

/** The form of the names of options. Any other key may be a secret in the wrong place. */
export const WORD = /^[A-Za-z0-9]{1,40}$/;

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

/** As {@link conceal}, of options: they are shown {@link withoutTexts}. */
export function concealTexts<T extends object>(options: T): T {
  return conceal(options, () => withoutTexts(options));
}

/**
 * Options as they may be shown: numbers and switches, which hold no secret, and of the others only the keys. A key that
 * is not a word may be a secret, too, and is left out.
 */
export function withoutTexts(options: object): object {
  const words = Object.entries(options).filter(([key]) => WORD.test(key));
  return Object.fromEntries(
    words.map(([key, value]) => [
      key,
      typeof value === 'boolean' || (typeof value === 'number' && key !== 'port') || value === undefined
        ? value
        : '(not shown)',
    ]),
  );
}
