import { expect, it } from '@jest/globals';
import { resolveClusterOptions } from '../cluster-options.js';
import { formatArguments, MARIADB_OPTION_RULES } from './mariadb-settings.js';

it('writes settings as arguments of the server', () => {
  expect(
    formatArguments({ log_slave_updates: true, performance_schema: false, port: 3306, 'sql-mode': 'ANSI' }),
  ).toEqual(['--log-slave-updates=1', '--performance-schema=0', '--port=3306', '--sql-mode=ANSI']);
});

it.each([['server_id'], ['server-id'], ['Read_Only'], ['bind-address']])('refuses the setting %s', (name) => {
  expect(() => resolveClusterOptions({ settings: { [name]: 1 } }, MARIADB_OPTION_RULES)).toThrow(
    /startMariadbCluster\(\) got .*expected to be left to the cluster/s,
  );
});

it('refuses what is not the name of a setting', () => {
  expect(() => resolveClusterOptions({ settings: { 'a b': 1 } }, MARIADB_OPTION_RULES)).toThrow(
    'the name of a parameter',
  );
});
