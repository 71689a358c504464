import { metadataOfClasses, metadataOn } from './routing-metadata.js';
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

/** On a function that `coverClass` has made. */
const COVERED: unique symbol = Symbol.for('nestjs-replica:covered-by-class');

/**
 * Replaces the methods that a decorated class has or inherits by scoped ones, except those with a decorator of their
 * own. The metadata of the class is looked up at each call, because classes share inherited methods.
 */
export function coverClass(prototype: object): void {
  if (metadataOfClasses(prototype.constructor).length === 0 || !Object.isExtensible(prototype)) return;
  for (const [name, descriptor] of methodsOf(prototype)) {
    const method = descriptor.value as () => unknown;
    if (LIFECYCLE_METHODS.includes(name) || COVERED in method || metadataOn(method) !== undefined) continue;
    const covered = scoped(method, (scope, call, self) => scope.routedByClass(call, self));
    Object.defineProperty(covered, COVERED, { value: true });
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
