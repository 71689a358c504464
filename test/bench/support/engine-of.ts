import type { DataSourceRouter } from 'nestjs-replica';
import type { Engine } from '../../../libs/replica/src/engine/engine.js';

// Benchmarks run the package as it is published. Its objects are known to its own modules only, not to those compiled beside the benchmarks.
const published = import.meta.resolve('nestjs-replica');
const inside = (await import(new URL('engine/replica-router.js', published).href)) as {
  readonly engineOf: (router: DataSourceRouter) => Engine;
};

/** The engine behind a router of the published package. */
export const { engineOf } = inside;
