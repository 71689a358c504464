import type { OperatorLog } from '../engine/operator-log.js';
import type { PoolSettings } from '../postgres/connection-options.js';
import { DEFAULTS } from '../options/option-table.js';
import type { ReplicaDataSourceOptions } from '../options/replica-options.js';
import { tellErrorHandler, type TypeOrmLog } from './typeorm-log.js';

/** What TypeORM's options say about connections. */
export function poolSettingsOf(
  given: ReplicaDataSourceOptions<never>,
  typeormLog: TypeOrmLog,
  log: OperatorLog,
): PoolSettings {
  const { connectTimeoutMS, applicationName, poolSize, extra, poolErrorHandler, logNotifications } = given;
  return {
    connectTimeoutMs: connectTimeoutMS ?? DEFAULTS.connectTimeoutMS,
    applicationName,
    poolSize,
    extra: (extra ?? {}) as Record<string, unknown>,
    onIdleError: (error, node) =>
      poolErrorHandler === undefined
        ? log.warnSeldom(`idle ${node}`, `an idle connection to ${node} broke: ${error.message}`)
        : tellErrorHandler(poolErrorHandler, error, log),
    onConnect: logNotifications === true ? logMessagesTo(typeormLog) : undefined,
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
