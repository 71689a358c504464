import { afterEach, describe, expect, it } from '@jest/globals';
import { connectionOf, type MysqlConnection } from '../../../libs/replica/src/mysql/connection.js';
import { importMysql2 } from '../../../libs/replica/src/mysql/mysql2-module.js';
import { openConnection, setUpFor } from '../../../libs/replica/src/mysql/open-connection.js';
import { MysqlPiggyback } from '../../../libs/replica/src/mysql/piggyback.js';
import { MysqlHistory } from '../../../libs/replica/src/mysql/positions/mysql-history.js';
import { EmulatedMysql } from './support/emulated-mysql.js';

await importMysql2();

const U = '3e11fa47-71ca-11e1-9e33-c80aa9429562';
const UPDATE = 'UPDATE t SET n = 1';

describe('packets of MySQL 8.4', () => {
  let server: EmulatedMysql;
  let connection: MysqlConnection;

  afterEach(async () => {
    connection.close();
    await server.stop();
  });

  async function connect(hasCachedPassword: boolean, gtid?: string): Promise<void> {
    server = await EmulatedMysql.start(hasCachedPassword, (text) => (text === UPDATE ? gtid : undefined));
    const config = { host: '127.0.0.1', port: server.port, user: 'app', password: 'secret' };
    connection = await openConnection({ config: () => ({ ...config }), timeoutMs: 20_000 });
    await setUpFor('primary', connection);
  }

  it.each([true, false])('let a client in with caching_sha2_password, cached: %s', async (isCached) => {
    await connect(isCached);
    expect([connection.flavor.name, connection.isOpen]).toEqual(['MySQL', true]);
    expect(server.password).toBe(isCached ? undefined : 'secret\0');
    expect(server.received).toEqual([expect.stringMatching(/SET SESSION session_track_gtids = OWN_GTID$/)]);
  });

  it.each<[what: string, gtid: string | undefined, told: readonly (bigint | undefined)[]]>([
    ['its position', `${U}:17`, [17n]],
    ['its position, in capitals', `${U.toUpperCase()}:17`, [17n]],
    ['no position, because the GTID has a tag', `${U}:audit:17`, [undefined]],
    ['no position, because it names several', `${U}:16-17`, [undefined]],
    ['nothing, because nothing was written', undefined, []],
  ])('tell with the answer of a write %s', async (_, gtid, told) => {
    await connect(true, gtid);
    const history = MysqlHistory.parse(`${U}:1-9`);
    const piggyback = new MysqlPiggyback((_flavor, written) => history.positionOfWrite(written, U));
    const positions: (bigint | undefined)[] = [];
    await piggyback.run(connectionOf(connection), { args: [UPDATE] }, (_failure, read) =>
      positions.push(read?.().position),
    );
    expect(positions).toEqual(told);
    expect([connection.transaction, server.received.length]).toEqual(['idle', 2]);
  });
});
