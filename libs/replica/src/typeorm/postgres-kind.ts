import { idleErrorsTo } from '../engine/operator-log.js';
import { DEFAULTS } from '../options/option-table.js';
import type { OptionsOfAnyType } from '../options/typeorm-options.js';
import { poolConfig, type PoolSettings } from '../postgres/connection-options.js';
import { PostgresDatabase } from '../postgres/database.js';
import { createPgDriver, createPlainDriver } from '../postgres/driver-module.js';
import { usePg } from '../postgres/pg-module.js';
import type { ConnectionLogs, DatabaseKind } from './database-kind.js';
import { loadDriver } from './load-driver.js';
import { REPLICAS_HOST } from './replicas-host.js';
import { tellErrorHandler, type TypeOrmLog } from './typeorm-log.js';

export const POSTGRES_KIND: DatabaseKind = {
  open(options, logs) {
    loadPg();
    const database = new PostgresDatabase(poolSettingsOf(options, logs));
    return { database, driver: (router) => createPgDriver(router, database.poolEvents, REPLICAS_HOST) };
  },
  plainDriver(options, node) {
    loadPg();
    const settings = { ...connectionSettingsOf(options), onIdleError: () => undefined };
    return createPlainDriver(poolConfig(node, settings));
  },
  // Errors of idle connections come from the pools of the nodes.
  replacedOptions: { poolErrorHandler: () => undefined },
  async beginReadOnly(runner) {
    await runner.startTransaction('REPEATABLE READ');
    await runner.query('SET TRANSACTION READ ONLY');
  },
};

/** Throws a `DriverNotInstalledError`. */
function loadPg(): void {
  usePg(loadDriver('pg') as Parameters<typeof usePg>[0]);
}

function connectionSettingsOf({
  connectTimeoutMS = DEFAULTS.connectTimeoutMS,
  applicationName,
  poolSize,
  extra = {},
}: OptionsOfAnyType<never>): Omit<PoolSettings, 'onIdleError' | 'onConnect'> {
  return {
    connectTimeoutMs: connectTimeoutMS,
    applicationName,
    poolSize,
    extra: extra as PoolSettings['extra'],
  };
}

/** What TypeORM's options say about connections. */
function poolSettingsOf(
  options: OptionsOfAnyType<never>,
  { typeorm, operator }: ConnectionLogs,
): PoolSettings {
  const { poolErrorHandler, logNotifications } = options;
  return {
    ...connectionSettingsOf(options),
    onIdleError:
      poolErrorHandler === undefined
        ? idleErrorsTo(operator)
        : (error) => tellErrorHandler(poolErrorHandler, error, operator),
    onConnect: logNotifications === true ? logMessagesTo(typeorm) : undefined,
  };
}

/** Logs what the server sends unasked, in TypeORM's own words. */
function logMessagesTo(typeormLog: TypeOrmLog): PoolSettings['onConnect'] {
  return (client) => {
    client.on('notice', ({ message }) => typeormLog.write('info', message ?? ''));
    client.on('notification', ({ channel, payload }) =>
      typeormLog.write('info', `Received NOTIFY on channel ${channel}: ${payload}.`),
    );
  };
}
