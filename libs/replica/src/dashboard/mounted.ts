import { Controller, type Type, UseGuards, VERSION_NEUTRAL } from '@nestjs/common';
import type { ResolvedDashboardOptions } from './dashboard-options.js';

/** A controller of this class of its own, which is nowhere yet: see {@link mount}. */
export function mountable(Base: Type<object>): Type<object> {
  class Mounted extends Base {}
  Object.defineProperty(Mounted, 'name', { value: Base.name });
  // Documents that @nestjs/swagger makes of the application leave the page out.
  Reflect.defineMetadata('swagger/apiExcludeController', [true], Mounted);
  return Mounted;
}

/**
 * Puts the controller at the path of the options, behind their guards. Decorators alone could not know these. Nest looks for them when it
 * makes the routes, so there is time until all providers are made.
 */
export function mount(
  controller: Type<object>,
  { path, guards }: Pick<ResolvedDashboardOptions, 'path' | 'guards'>,
): void {
  Controller({ path, version: VERSION_NEUTRAL })(controller);
  UseGuards(...guards)(controller);
}
