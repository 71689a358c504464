import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { problemOfNames, unknownReplicas } from '../engine/check-selection.js';
import type { Engine } from '../engine/engine.js';
import { metadataOfClasses, metadataOn, type RoutingMetadata } from './routing-metadata.js';
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
    const ofClass = metadataOfClasses(target.constructor);
    for (const { dataSource } of ofClass) checkDataSource(problems, known, { place: name, dataSource });
    checkReplicas(problems, known, { place: name, metadata: ofClass });
    for (const { method, dataSource } of decoratedMethods(target)) {
      const place = `${name}.${method}`;
      checkDataSource(problems, known, { place, dataSource });
      checkReplicas(problems, known, { place, metadata: metadataOfMethod(target, method) });
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

function metadataOfMethod(target: object, method: string): readonly RoutingMetadata[] {
  const value: unknown = (target as Readonly<Record<string, unknown>>)[method];
  return typeof value === 'function' ? (metadataOn(value) ?? []) : [];
}
