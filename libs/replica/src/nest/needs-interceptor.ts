import { ExternalContextCreator, type ModulesContainer } from '@nestjs/core';
import 'reflect-metadata';
import { hasSyncWrites } from './check-decorators.js';
import type { RequestOpener } from './request-opener.js';

type Module = ModulesContainer extends Map<string, infer M> ? M : never;
type Wrapper = Module['providers'] extends Map<unknown, infer W> ? W : never;

/** By these, Nest and its transports know handlers that answer something else than HTTP requests. */
const PATTERN = 'microservices:pattern';
const GATEWAY = 'websockets:is_gateway';
/** By these, Nest notes what it injects into constructors and properties. */
const INJECTED = ['design:paramtypes', 'self:paramtypes', 'self:properties_metadata'];

/** An application, as far as it is known while Nest makes its providers. */
export interface AssembledApplication {
  readonly modules: ModulesContainer;
  /** Whether a module of this class adds no middleware but ours. */
  readonly isOurs: (module: Module) => boolean;
}

/**
 * Whether requests need the routing interceptor. Nest pays more for the first interceptor than for all the rest that we do for a request
 * without a database, so an application that can do without gets none, and the guard tells the scope of its handler. It is needed:
 *
 * - if the session can only be found when all guards have passed, or leaves with the headers (tokens);
 * - for `@SyncWrite()`;
 * - for handlers that answer something else than HTTP: messages, GraphQL, whatever calls handlers through Nest from outside;
 * - if something between our middleware and the guards may lose the context: other modules' middleware.
 */
export function needsInterceptor(opener: RequestOpener, application: AssembledApplication): boolean {
  const { modules, isOurs } = application;
  return (
    opener.sessions.areInTokens ||
    opener.mayNeedHandler ||
    [...modules.values()].some(
      (module) => (addsMiddleware(module) && !isOurs(module)) || hasOtherHandlers(module),
    )
  );
}

function addsMiddleware({ metatype }: Module): boolean {
  const prototype = metatype.prototype as { readonly configure?: unknown } | undefined;
  return typeof prototype?.configure === 'function';
}

function hasOtherHandlers(module: Module): boolean {
  const controllers = [...module.controllers.values()];
  const providers = [...module.providers.values()];
  return (
    controllers.some((it) => hasPatterns(it) || waitsForReplicas(it)) ||
    providers.some((it) => Reflect.hasMetadata(GATEWAY, it.metatype ?? Object)) ||
    [...controllers, ...providers].some(callsHandlers)
  );
}

function hasPatterns({ metatype }: Wrapper): boolean {
  return methodsOf(metatype).some((method) => Reflect.hasMetadata(PATTERN, method));
}

function waitsForReplicas({ metatype }: Wrapper): boolean {
  const prototype = (metatype as { readonly prototype?: object } | null)?.prototype;
  return prototype !== undefined && hasSyncWrites(prototype);
}

/** Whether it has injected what makes Nest's handlers callable from outside. */
function callsHandlers({ metatype, inject }: Wrapper): boolean {
  const noted = INJECTED.flatMap(
    (key) => (Reflect.getMetadata(key, metatype ?? Object) as unknown[] | undefined) ?? [],
  );
  return [...(inject ?? []), ...noted].some(isExternalContextCreator);
}

/** Bare, or as Nest notes it: `{ token, optional }`, `{ index, param }`, `{ key, type }`. */
function isExternalContextCreator(injected: unknown): boolean {
  if (injected === ExternalContextCreator) return true;
  if (typeof injected !== 'object' || injected === null) return false;
  const { token, param, type } = injected as Readonly<Record<string, unknown>>;
  return [token, param, type].includes(ExternalContextCreator);
}

/** The methods of a class and of those that it extends. */
function methodsOf(metatype: Wrapper['metatype']): object[] {
  const found: object[] = [];
  let prototype = (metatype as { readonly prototype?: object } | null)?.prototype;
  for (
    ;
    prototype !== undefined && prototype !== Object.prototype;
    prototype = Object.getPrototypeOf(prototype) as object
  ) {
    for (const { value } of Object.values(Object.getOwnPropertyDescriptors(prototype)) as {
      value?: unknown;
    }[])
      if (typeof value === 'function') found.push(value);
  }
  return found;
}
