import { RouteRecording, type RecordableRouter } from './route-recording.js';

/** Whatever has a router: a Nest application, a testing module, a `ReplicaDataSource`, a routing pool, or a router itself. */
export type Recordable =
  | RecordableRouter
  | { readonly router: RecordableRouter }
  | { get(token: symbol, options: { readonly strict: boolean }): unknown };

/** Which router of an application to record. */
export interface RecordOptions {
  /** The name of the data source or pool. Default: the one that has no name. */
  readonly name?: string;
}

/**
 * Records where the statements of an application go from now on. Throws a `TypeError` for something that has no router.
 *
 * An application is asked for the router under a symbol that `ReplicaModule` and `ReplicaPoolModule` know, so this entry point loads nothing of the library.
 */
export function recordRoutes(target: Recordable, { name = 'default' }: RecordOptions = {}): RouteRecording {
  const router = routerOf(target, name);
  if (router !== undefined) return new RouteRecording(router);
  throw new TypeError(
    `recordRoutes() found no router for the data source or pool '${name}': give it an application with ReplicaModule or ReplicaPoolModule, a ReplicaDataSource, a RoutingPool or a router`,
  );
}

function routerOf(target: Recordable, name: string): RecordableRouter | undefined {
  if (isRouter(target)) return target;
  if ('router' in target && isRouter(target.router)) return target.router;
  if (!('get' in target) || typeof target.get !== 'function') return undefined;
  const router = fromApplication(target, Symbol.for(`nestjs-replica:router:${name}`));
  return isRouter(router) ? router : undefined;
}

/** Nest throws for a token that nobody provides. */
function fromApplication(application: Extract<Recordable, { get: unknown }>, token: symbol): unknown {
  try {
    return application.get(token, { strict: false });
  } catch {
    return undefined;
  }
}

function isRouter(value: unknown): value is RecordableRouter {
  const { on, topology } = Object(value) as Partial<RecordableRouter>;
  return typeof on === 'function' && typeof topology === 'function';
}
