import { metadataOfClasses, metadataOn } from './routing-metadata.js';
import { noteDecorated, scoped } from './scoped-method.js';

/** Nest calls these at the start and at the end of the application, where there is nothing to decide. */
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
 * Puts scoped methods in the place of those that a decorated class has or inherits, unless they are decorated
 * themselves. What the class asks for is looked up at the call: the methods of a class that it extends are shared.
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

/** The methods of a prototype and of those behind it that can be replaced there; the nearest of each name. */
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
