import 'reflect-metadata';
import { askedOn, pick, ROUTING_METADATA, type RoutingMetadata } from './routing-metadata.js';
import { noteDecorated, scoped } from './scoped-method.js';

/** The decorator behind `@UseReplica()` and `@ForcePrimary()`. */
export function asksFor(asked: RoutingMetadata): MethodDecorator & ClassDecorator {
  return (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => {
    if (descriptor === undefined) {
      Reflect.defineMetadata(ROUTING_METADATA, [asked, ...(askedOn(target) ?? [])], target);
      return;
    }
    const method: unknown = descriptor.value;
    if (typeof method !== 'function') {
      throw new TypeError(
        `@UseReplica() and @ForcePrimary() belong on methods and classes, not on ${String(key)}`,
      );
    }
    descriptor.value = onMethod(target, method, asked);
    noteDecorated(target, key, asked.dataSource);
  };
}

/** Decorators between may have put another function in the method's place: all that carry the list share it. */
// oxlint-disable-next-line typescript/no-unsafe-function-type -- whatever was decorated
function onMethod(target: object, method: Function, asked: RoutingMetadata): Function {
  const known = askedOn(method) as RoutingMetadata[] | undefined;
  if (known !== undefined) {
    known.unshift(asked);
    return method;
  }
  const list = [asked];
  const isStatic = typeof target === 'function';
  const result = isStatic
    ? method
    : scoped(method, (scope, call, self) => scope.routed(call, self, (name) => pick(list, name)));
  Reflect.defineMetadata(ROUTING_METADATA, list, result);
  return result;
}
