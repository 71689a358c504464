import 'reflect-metadata';
import { metadataOn, pick, ROUTING_METADATA, type RoutingMetadata } from './routing-metadata.js';
import { noteDecorated, scoped } from './scoped-method.js';

/** The decorator behind `@UseReplica()` and `@ForcePrimary()`. */
export function routingDecorator(metadata: RoutingMetadata): MethodDecorator & ClassDecorator {
  return (target: object, key?: string | symbol, descriptor?: PropertyDescriptor) => {
    if (descriptor === undefined) {
      Reflect.defineMetadata(ROUTING_METADATA, [metadata, ...(metadataOn(target) ?? [])], target);
      return;
    }
    const method: unknown = descriptor.value;
    if (typeof method !== 'function') {
      throw new TypeError(
        `@UseReplica() and @ForcePrimary() belong on methods and classes, not on ${String(key)}`,
      );
    }
    descriptor.value = onMethod(target, method, metadata);
    noteDecorated(target, key, metadata.dataSource);
  };
}

/** Other decorators may have replaced the method in between. All functions with the list share it. */
// oxlint-disable-next-line typescript/no-unsafe-function-type -- whatever was decorated
function onMethod(target: object, method: Function, metadata: RoutingMetadata): Function {
  const known = metadataOn(method) as RoutingMetadata[] | undefined;
  if (known !== undefined) {
    known.unshift(metadata);
    return method;
  }
  const list = [metadata];
  const isStatic = typeof target === 'function';
  const result = isStatic
    ? method
    : scoped(method, (scope, call, self) => scope.routed(call, self, (name) => pick(list, name)));
  Reflect.defineMetadata(ROUTING_METADATA, list, result);
  return result;
}
