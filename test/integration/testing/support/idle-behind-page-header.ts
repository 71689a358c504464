import { PostgresNode } from 'nestjs-replica/testing';
import { withClient } from './with-client.js';

const PAGE_BYTES = 8192;

/**
 * Fills a WAL page of a primary to its last byte, so that the insert position stands behind the header of the next, empty one.
 * @returns the insert position's offset in its page: 24, unless another process of the server wrote meanwhile ten times
 */
export async function idleBehindPageHeader(primary: PostgresNode): Promise<number> {
  return await withClient(primary, async (client) => {
    const offset = async (): Promise<number> => {
      const { rows } = await client.query(
        `SELECT mod(pg_current_wal_insert_lsn() - '0/0', ${PAGE_BYTES})::int AS bytes`,
      );
      return rows[0].bytes;
    };
    const write = async (bytes: number): Promise<void> => {
      await client.query(`SELECT pg_logical_emit_message(false, 'fill', repeat('x', $1))`, [bytes]);
    };
    for (let tries = 0; tries < 10; tries++) {
      const before = await offset();
      if (before > PAGE_BYTES / 2) {
        await write(PAGE_BYTES / 2);
        continue;
      }
      await write(1000);
      const after = await offset();
      const recordBytes = after - before;
      await write(1000 + (PAGE_BYTES - after) - recordBytes);
      if ((await offset()) === 24) break;
    }
    return await offset();
  });
}
