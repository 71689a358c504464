export type {
  ReplicaDashboardAsyncOptions,
  ReplicaDashboardFactoryOptions,
  ReplicaDashboardOptions,
  ReplicaDashboardOptionsFactory,
} from './dashboard-options.js';
export type {
  DashboardInstance,
  DashboardState,
  DataSourceState,
  HistoryPoint,
  NodeHistory,
} from './dashboard-state.js';
export { ReplicaDashboardModule } from './replica-dashboard.module.js';
