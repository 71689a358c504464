import { DecoratorMetadata } from './decorator-metadata.js';
import type { RoutingMetadata, SyncWriteMetadata } from './routing-metadata.js';

/** What `@UseReplica()` and `@ForcePrimary()` note. */
export const ROUTING = new DecoratorMetadata<RoutingMetadata>(
  Symbol.for('nestjs-replica:routing'),
  '@UseReplica() and @ForcePrimary()',
  (scope, call, { self, metadataFor }) => scope.routed(call, self, metadataFor),
);

/** What `@SyncWrite()` notes. */
export const SYNC_WRITES = new DecoratorMetadata<SyncWriteMetadata>(
  Symbol.for('nestjs-replica:sync-write'),
  '@SyncWrite()',
  (scope, call, { self, metadataFor }) => scope.synced(call, self, metadataFor),
);
