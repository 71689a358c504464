import { type DynamicModule, Module } from '@nestjs/common';
import { DashboardActionsController } from './dashboard-actions.controller.js';
import { DASHBOARD_OPTIONS, DashboardFeed } from './dashboard-feed.js';
import { type ReplicaDashboardOptions, resolveDashboardOptions } from './dashboard-options.js';
import { DashboardController, mounted } from './dashboard.controller.js';

/** A page that shows live where reads go and why: nodes, lag, pools, statements and events. */
@Module({})
export class ReplicaDashboardModule {
  /**
   * Serves the page at `path`, behind `guards`. Throws an `InvalidReplicaOptionsError` if the options are wrong, and if
   * anybody could use the buttons, or see the page in production.
   */
  static forRoot(options: ReplicaDashboardOptions = {}): DynamicModule {
    const resolved = resolveDashboardOptions(options, process.env.NODE_ENV);
    const controllers = [DashboardController, ...(resolved.actions ? [DashboardActionsController] : [])];
    return {
      module: ReplicaDashboardModule,
      imports: resolved.imports,
      controllers: controllers.map((controller) => mounted(controller, resolved)),
      providers: [{ provide: DASHBOARD_OPTIONS, useValue: resolved }, DashboardFeed],
    };
  }
}
