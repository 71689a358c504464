import { conceal } from '../options/conceal.js';
import type { ResultCache } from './result-cache.js';

type Method = (...args: unknown[]) => unknown;

/**
 * The user's cache with the routed cache in front. The routed cache answers whatever TypeORM calls; everything else
 * is the provider's own: its class, its properties, its other methods.
 */
export function asProvider(routed: ResultCache, provider: ResultCache): ResultCache {
  const ownerOf = (key: string | symbol): object =>
    Reflect.has(routed, key) && !(key in Object.prototype) ? routed : provider;
  // An object of its own: a provider may be frozen.
  const own = conceal(Object.create(provider) as ResultCache, () => ({
    provider: provider.constructor.name,
  }));
  return new Proxy(own, {
    get: (_, key) => {
      // A provider's client of Redis has a password.
      if (Object.hasOwn(own, key)) return own[key as keyof ResultCache];
      const owner = ownerOf(key);
      const value: unknown = Reflect.get(owner, key, owner);
      const isMethod = typeof value === 'function' && !Object.hasOwn(owner, key) && key !== 'constructor';
      // Private fields of the provider's class are not the proxy's.
      return isMethod ? (value as Method).bind(owner) : value;
    },
    set: (_, key, value) => Reflect.set(ownerOf(key), key, value),
    deleteProperty: (_, key) => Reflect.deleteProperty(ownerOf(key), key),
    getPrototypeOf: () => Reflect.getPrototypeOf(provider),
    ownKeys: () => Reflect.ownKeys(provider),
    getOwnPropertyDescriptor: (_, key) => {
      const descriptor = Reflect.getOwnPropertyDescriptor(provider, key);
      if (descriptor === undefined) return undefined;
      // Structured loggers write enumerable properties, and with a client of Redis its options.
      const enumerable = descriptor.enumerable === true && !isObject(descriptor.value);
      return { ...descriptor, enumerable, configurable: true };
    },
  });
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}
