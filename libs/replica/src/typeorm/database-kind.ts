import type { QueryRunner } from 'typeorm';
import type { OperatorLog } from '../engine/operator-log.js';
import type { Database } from '../execution/database.js';
import type { StatementRouter } from '../execution/statement-router.js';
import type { OptionsOfAnyType } from '../options/typeorm-options.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import type { TypeOrmLog } from './typeorm-log.js';

/** Where a data source writes what happens on its connections. */
export interface ConnectionLogs {
  /** In TypeORM's own words. */
  readonly typeorm: TypeOrmLog;
  readonly operator: OperatorLog;
}

/** What stands behind one data source. */
export interface DatabaseBehind {
  readonly database: Database;
  /**
   * A module in the shape of the driver, for TypeORM's option `driver`. Its pools route statements through `router`, which is
   * asked for when the first pool is made.
   */
  driver(router: () => StatementRouter): object;
}

/** What differs between the databases for a data source of TypeORM. */
export interface DatabaseKind {
  /** Opens no connection. Throws a `DriverNotInstalledError`. */
  open(options: OptionsOfAnyType<never>, logs: ConnectionLogs): DatabaseBehind;
  /** A module in the shape of the driver whose pools all connect to this node and route nothing. */
  plainDriver(options: OptionsOfAnyType<never>, node: ResolvedNode): object;
  /** Options that TypeORM gets in place of the application's. */
  readonly replacedOptions: object;
  /** Begins a transaction on the runner that sees one snapshot and cannot write. */
  beginReadOnly(runner: QueryRunner): Promise<void>;
}
