import { SetMetadata } from '@nestjs/common';
import { ROUTING_METADATA, type RoutingMetadata } from './use-replica.decorator.js';

/**
 * Everything that this handler, or every handler of this class, reads comes from the primary: for what must not rest
 * on data that is even a little old. A handler's own decorator counts before its class's.
 */
export function ForcePrimary(): MethodDecorator & ClassDecorator {
  return SetMetadata<symbol, RoutingMetadata>(ROUTING_METADATA, { target: 'primary', options: {} });
}
