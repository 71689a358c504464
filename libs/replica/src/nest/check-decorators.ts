import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { problemOfNames, unknownReplicas } from '../engine/check-selection.js';
import type { Engine } from '../engine/engine.js';
import { problemOfVisibleOn } from '../engine/visibility-options.js';
import type { DecoratorMetadata } from './decorator-metadata.js';
import { ROUTING, SYNC_WRITES } from './decorator-kinds.js';
import type { RoutingMetadata, SyncWriteMetadata } from './routing-metadata.js';
import { decoratedMethods } from './scoped-method.js';

/** A data source that decorators may mean. */
export interface MeantDataSource {
  readonly name: string;
  readonly engine: Pick<Engine, 'nodeNames' | 'options'>;
}

/**
 * Checks the decorators of these objects and of their classes. Throws one `InvalidReplicaOptionsError` that lists all
 * of them that name a data source, or a replica of the data sources they mean, that does not exist.
 */
export function checkDecorators(targets: readonly object[], known: readonly MeantDataSource[]): void {
  const problems = new Set<string>();
  for (const target of targets) {
    const { name } = target.constructor;
    const ofClass = ROUTING.ofClasses(target.constructor);
    const syncOfClass = SYNC_WRITES.ofClasses(target.constructor);
    for (const { dataSource } of [...ofClass, ...syncOfClass])
      checkDataSource(problems, known, { place: name, dataSource });
    checkReplicas(problems, known, { place: name, metadata: ofClass });
    checkSyncWrites(problems, known, { place: name, metadata: syncOfClass });
    for (const { method, dataSource } of decoratedMethods(target)) {
      const place = `${name}.${method}`;
      checkDataSource(problems, known, { place, dataSource });
      checkReplicas(problems, known, { place, metadata: metadataOfMethod(ROUTING, target, method) });
      checkSyncWrites(problems, known, { place, metadata: metadataOfMethod(SYNC_WRITES, target, method) });
    }
  }
  if (problems.size > 0) throw new InvalidReplicaOptionsError([...problems]);
}

function checkDataSource(
  problems: Set<string>,
  known: readonly MeantDataSource[],
  { place, dataSource }: { place: string; dataSource: string | undefined },
): void {
  if (dataSource === undefined || known.some(({ name }) => name === dataSource)) return;
  const names = known.map(({ name }) => `'${name}'`).join(', ');
  problems.add(`a decorator of ${place} names dataSource '${dataSource}', but ReplicaModule knows ${names}`);
}

/** With a discovery an unknown name is no mistake, because the node may be found later. */
function checkReplicas(
  problems: Set<string>,
  known: readonly MeantDataSource[],
  { place, metadata }: { place: string; metadata: readonly RoutingMetadata[] },
): void {
  for (const { dataSource, options } of metadata) {
    const meant = known.filter(({ name }) => dataSource === undefined || name === dataSource);
    if (meant.length === 0 || meant.some(({ engine }) => engine.options.discovery !== undefined)) continue;
    const nodes = meant.flatMap(({ engine }) => engine.nodeNames);
    const unknown = unknownReplicas(options, nodes);
    if (unknown.length > 0) problems.add(`a decorator of ${place}: ${problemOfNames(unknown, nodes)}`);
  }
}

/** With a discovery nobody knows how many replicas there will be. */
function checkSyncWrites(
  problems: Set<string>,
  known: readonly MeantDataSource[],
  { place, metadata }: { place: string; metadata: readonly SyncWriteMetadata[] },
): void {
  for (const { dataSource, rule } of metadata) {
    for (const { name, engine } of known) {
      if (dataSource !== undefined && dataSource !== name) continue;
      const { options } = engine;
      const replicas = options.discovery === undefined ? options.replicas.length : undefined;
      const problem = problemOfVisibleOn(rule.visibleOn, replicas, options);
      if (problem !== undefined) problems.add(`@SyncWrite() of ${place}: visibleOn ${problem}`);
    }
  }
}

/** Whether a `@SyncWrite()` stands on a method of this object, or on its class. */
export function hasSyncWrites(target: object): boolean {
  return (
    SYNC_WRITES.ofClasses(target.constructor).length > 0 ||
    decoratedMethods(target).some(({ method }) => metadataOfMethod(SYNC_WRITES, target, method).length > 0)
  );
}

function metadataOfMethod<T extends { readonly dataSource: string | undefined }>(
  kind: DecoratorMetadata<T>,
  target: object,
  method: string,
): readonly T[] {
  const value: unknown = (target as Readonly<Record<string, unknown>>)[method];
  return typeof value === 'function' ? (kind.on(value) ?? []) : [];
}
