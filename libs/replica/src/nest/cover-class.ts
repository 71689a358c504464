import type { DecoratorMetadata } from './decorator-metadata.js';
import { ROUTING, SYNC_WRITES } from './decorator-kinds.js';
import { noteDecorated, scoped } from './scoped-method.js';

/** Nest calls these when the application starts and ends, where there is nothing to route. */
const LIFECYCLE_METHODS: readonly string[] = [
  'onModuleInit',
  'onApplicationBootstrap',
  'onModuleDestroy',
  'beforeApplicationShutdown',
  'onApplicationShutdown',
  'afterInit',
];

/** On a function that `coverClass` has made: the kinds of decorators that it covers. */
const COVERED: unique symbol = Symbol.for('nestjs-replica:covered-by-class');

type AnyKind = Pick<DecoratorMetadata<{ readonly dataSource: string | undefined }>, 'on' | 'ofClasses'>;

/**
 * Replaces the methods that a decorated class has or inherits by scoped ones, except those with a decorator of the same kind of
 * their own. The metadata of the class is looked up at each call, because classes share inherited methods.
 */
export function coverClass(prototype: object): void {
  if (!Object.isExtensible(prototype)) return;
  cover(prototype, ROUTING, (method) =>
    scoped(method, (scope, call, self) => scope.routedByClass(call, self)),
  );
  cover(prototype, SYNC_WRITES, (method) =>
    scoped(method, (scope, call, self) => scope.syncedByClass(call, self)),
  );
}

function cover(prototype: object, kind: AnyKind, scope: (method: () => unknown) => () => unknown): void {
  if (kind.ofClasses(prototype.constructor).length === 0) return;
  for (const [name, descriptor] of methodsOf(prototype)) {
    const method = descriptor.value as (() => unknown) & { readonly [COVERED]?: readonly AnyKind[] };
    const kinds = method[COVERED] ?? [];
    if (LIFECYCLE_METHODS.includes(name) || kinds.includes(kind) || kind.on(method) !== undefined) continue;
    const covered = scope(method);
    Object.defineProperty(covered, COVERED, { value: [...kinds, kind] });
    Object.defineProperty(prototype, name, { ...descriptor, value: covered });
    noteDecorated(prototype, name, undefined);
  }
}

/** The methods of a prototype, inherited ones included, that can be replaced on it. */
function methodsOf(prototype: object): Map<string, PropertyDescriptor> {
  const seen = new Set(['constructor']);
  const methods = new Map<string, PropertyDescriptor>();
  for (
    let next: object | null = prototype;
    next !== null && next !== Object.prototype;
    next = Object.getPrototypeOf(next) as object | null
  ) {
    for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(next))) {
      if (seen.has(name)) continue;
      seen.add(name);
      const isFixed = next === prototype && descriptor.configurable !== true;
      if (typeof descriptor.value === 'function' && !isFixed) methods.set(name, descriptor);
    }
  }
  return methods;
}
