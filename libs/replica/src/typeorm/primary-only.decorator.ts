import type { EntityMetadata } from 'typeorm';
import { formatTableName } from '../routing/table-name.js';

/** On a class; found through its subclasses, and by any copy of this package. */
const PRIMARY_ONLY = Symbol.for('nestjs-replica:primary-only');

/**
 * Whatever reads the table of this entity goes to the primary: for what must not be even a little old, as balances, locks and
 * permissions. The same as `tables: { accounts: 'primary' }`, for whatever name TypeORM gives the table. It covers the
 * tables in which the entity's many-to-many relations and its tree are kept, and the entities that extend the class.
 *
 * Works in any order with `@Entity()`, `@ViewEntity()` and `@ChildEntity()`; entities that share a table share the rule.
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

/** The tables of the entities that are `@PrimaryOnly()`, and of their many-to-many relations and trees. */
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
