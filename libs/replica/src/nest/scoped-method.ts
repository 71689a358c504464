import 'reflect-metadata';
import type { TokenOptions } from '../engine/read-options.js';
import type { RoutingMetadata, SyncWriteMetadata } from './routing-metadata.js';

/** One data source of an application, as the decorated methods of its objects see it. */
export interface MethodScope {
  /** The data source's name. */
  readonly dataSource: string;
  /** Makes the call as the metadata for this data source asks, in a new context if there is none. */
  routed(
    call: () => unknown,
    self: object,
    metadataFor: (dataSource: string) => RoutingMetadata | undefined,
  ): unknown;
  /** The same by the metadata of the object's class, unless the call comes from inside the object. */
  routedByClass(call: () => unknown, self: object): unknown;
  /** Makes the call, whose result waits as the metadata for this data source asks, in a new context if there is none. */
  synced(
    call: () => unknown,
    self: object,
    metadataFor: (dataSource: string) => SyncWriteMetadata | undefined,
  ): unknown;
  /** The same by the metadata of the object's class. */
  syncedByClass(call: () => unknown, self: object): unknown;
  /**
   * Makes the call in a context whose reads include everything the token covers. Rejects if the token cannot be
   * found.
   */
  withToken(
    call: () => unknown,
    findToken: () => string | undefined,
    options: TokenOptions,
  ): Promise<unknown>;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/**
 * The property of an object, or of the prototype of objects that are made later, that holds the data sources of its
 * application. `ReplicaModule` sets it. No module keeps a list, so two applications in one process do not meet.
 */
const SCOPES: unique symbol = Symbol.for('nestjs-replica:method-scopes');

/** The property of a prototype that lists its decorated methods. */
const DECORATED: unique symbol = Symbol.for('nestjs-replica:decorated-methods');

/** A decorated method. */
export interface DecoratedMethod {
  readonly method: string;
  /** The data source that is meant; `undefined`: all. */
  readonly dataSource: string | undefined;
}

interface ScopedTarget {
  readonly [SCOPES]?: Set<MethodScope>;
  readonly [DECORATED]?: DecoratedMethod[];
}

/** Notes that a method of this prototype is scoped. */
export function noteDecorated(
  prototype: object,
  key: string | symbol | undefined,
  dataSource: string | undefined,
): void {
  if (!Object.hasOwn(prototype, DECORATED)) Object.defineProperty(prototype, DECORATED, { value: [] });
  (prototype as ScopedTarget)[DECORATED]?.push({ method: String(key), dataSource });
}

/** The scoped methods of an object or prototype, including inherited ones. */
export function decoratedMethods(target: object): readonly DecoratedMethod[] {
  const found: DecoratedMethod[] = [];
  for (let next: object | null = target; next !== null; next = Object.getPrototypeOf(next) as object | null) {
    if (Object.hasOwn(next, DECORATED)) found.push(...((next as ScopedTarget)[DECORATED] ?? []));
  }
  return found;
}

/**
 * Adds a data source to an object or a prototype. Returns a function that takes it away, or `undefined` if it cannot
 * be added.
 */
export function mark(target: object, scope: MethodScope): (() => void) | undefined {
  if (!Object.hasOwn(target, SCOPES)) {
    if (!Object.isExtensible(target)) return undefined;
    Object.defineProperty(target, SCOPES, { value: new Set<MethodScope>(), configurable: true });
  }
  const scopes = (target as ScopedTarget)[SCOPES] as Set<MethodScope>;
  scopes.add(scope);
  return () => void scopes.delete(scope);
}

/** The data sources of the object's application. Empty if it belongs to no application, or not yet. */
export function scopesOf(self: unknown): readonly MethodScope[] {
  const isObject = typeof self === 'object' && self !== null;
  return [...((isObject ? (self as ScopedTarget)[SCOPES] : undefined) ?? [])];
}

/**
 * A function in place of the method. It makes the call through `around` for each data source on `this`. It has the
 * method's metadata and properties, so that decorators above and below do not notice.
 */
export function scoped(
  // oxlint-disable-next-line typescript/no-unsafe-function-type -- whatever was decorated
  method: Function,
  around: (scope: MethodScope, call: () => unknown, self: object, args: readonly unknown[]) => unknown,
): Method {
  const result: Method = function (...args) {
    let call = (): unknown => method.apply(this, args) as unknown;
    for (const scope of scopesOf(this)) {
      const inner = call;
      call = () => around(scope, inner, this as object, args);
    }
    return call();
  };
  const {
    prototype: _,
    arguments: __,
    caller: ___,
    ...properties
  } = Object.getOwnPropertyDescriptors(method) as Record<string, PropertyDescriptor>;
  Object.defineProperties(result, properties);
  for (const key of Reflect.getOwnMetadataKeys(method)) {
    Reflect.defineMetadata(key, Reflect.getOwnMetadata(key, method), result);
  }
  return result;
}
