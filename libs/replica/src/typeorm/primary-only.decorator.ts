import type { EntityMetadata } from 'typeorm';
import { formatTableName } from '../routing/table-name.js';

/** On a class; found through its subclasses, and by any copy of this package. */
const PRIMARY_ONLY = Symbol.for('nestjs-replica:primary-only');

/**
 * Reads of this entity's table go to the primary: for data that must not be even a little old, such as balances,
 * locks and permissions. It is the same as `tables: { accounts: 'primary' }`, for whatever name TypeORM gives the
 * table. It covers the tables of the entity's many-to-many relations and of its tree, and the entities that extend
 * the class.
 *
 * It works in any order with `@Entity()`, `@ViewEntity()` and `@ChildEntity()`. Entities that share a table share the
 * rule.
 */
export function PrimaryOnly(): ClassDecorator {
  return (target) => {
    Object.defineProperty(target, PRIMARY_ONLY, { value: true });
  };
}

/** Whether the class, or one that it extends, is decorated. */
function isPrimaryOnly(target: unknown): boolean {
  return typeof target === 'function' && PRIMARY_ONLY in target;
}

/** The tables of `@PrimaryOnly()` entities, of their many-to-many relations and of their trees. */
export function primaryOnlyTables(metadatas: readonly EntityMetadata[]): string[] {
  const tables = new Set<string>();
  for (const metadata of metadatas) {
    if (!isPrimaryOnly(metadata.target)) continue;
    const junctions = metadata.manyToManyRelations.map((relation) => relation.junctionEntityMetadata);
    // TypeORM's type does not say that only a closure table has one.
    const closure = metadata.closureJunctionTable as EntityMetadata | undefined;
    for (const one of [metadata, closure, ...junctions]) {
      if (one !== undefined) tables.add(tableOf(one));
    }
  }
  return [...tables];
}

/** TypeORM quotes what stands between the dots of the path. */
function tableOf({ tablePath }: EntityMetadata): string {
  const [name = '', schema] = tablePath.split('.').toReversed();
  return formatTableName({ schema, name });
}
