import { idleErrorsTo } from '../engine/operator-log.js';
import { nodeConnection, type MysqlSettings } from '../mysql/connection-options.js';
import { MysqlDatabase } from '../mysql/database.js';
import { createMysqlDriver, createPlainDriver } from '../mysql/driver-module.js';
import { useMysql2, type Mysql2 } from '../mysql/mysql2-module.js';
import { dropUndefined } from '../options/option-values.js';
import { DEFAULTS } from '../options/option-table.js';
import type { OptionsOfAnyType } from '../options/typeorm-options.js';
import type { DatabaseKind } from './database-kind.js';
import { loadDriver } from './load-driver.js';

export const MYSQL_KIND: DatabaseKind = {
  open(options, { operator }) {
    loadMysql2();
    const database = new MysqlDatabase({
      ...connectionSettingsOf(options),
      onIdleError: idleErrorsTo(operator),
    });
    return { database, driver: createMysqlDriver };
  },
  plainDriver(options, node) {
    loadMysql2();
    const { config, limits } = nodeConnection(node, {
      ...connectionSettingsOf(options),
      onIdleError: () => undefined,
    });
    return createPlainDriver(() => ({ ...config(), connectionLimit: limits.size }));
  },
  // Otherwise TypeORM 0.3 would take the driver for `mysql`, and parse JSON that is parsed already.
  replacedOptions: { connectorPackage: 'mysql2' },
  async beginReadOnly(runner) {
    // What is set for the next transaction alone has to come before it.
    await runner.query('SET TRANSACTION READ ONLY');
    await runner.startTransaction('REPEATABLE READ');
  },
};

/** Throws a `DriverNotInstalledError`. */
function loadMysql2(): void {
  useMysql2(loadDriver('mysql2') as Mysql2);
}

function connectionSettingsOf(options: OptionsOfAnyType<never>): Omit<MysqlSettings, 'onIdleError'> {
  const { connectTimeout, acquireTimeout, poolSize, extra } = options;
  return {
    connectTimeoutMs: acquireTimeout ?? connectTimeout ?? DEFAULTS.connectTimeoutMS,
    poolSize,
    connection: { ...driverOptionsOf(options), ...(extra as object) },
  };
}

/** The options of `mysql2` that TypeORM makes of its own. */
function driverOptionsOf(options: OptionsOfAnyType<never>): object {
  const { charset, timezone, insecureAuth, dateStrings, debug, trace, multipleStatements, flags, ssl } =
    options;
  const { supportBigNumbers = true, bigNumberStrings = true } = options;
  const given = {
    charset,
    timezone,
    insecureAuth,
    dateStrings,
    debug,
    trace,
    multipleStatements,
    flags,
    ssl,
  };
  // An object among the values would become SQL: `{ id: 1 }` the condition `id` = 1.
  return dropUndefined({ ...given, supportBigNumbers, bigNumberStrings, stringifyObjects: true });
}
