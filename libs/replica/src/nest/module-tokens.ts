/** The name of the data source or pool that has none, as TypeORM has it. */
export const DEFAULT_NAME = 'default';

/** Settings of one module, in its own scope. */
export const MODULE_SETTINGS = Symbol('nestjs-replica module settings');

/**
 * The router again, under a name that needs no import: `recordRoutes()` of `nestjs-replica/testing` asks an application for it, and loads nothing
 * of the library.
 */
export function getRouterSymbol(name: string): symbol {
  return Symbol.for(`nestjs-replica:router:${name}`);
}
