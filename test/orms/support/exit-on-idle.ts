// A process with an idle pool that nobody ends: `node ... exit-on-idle.ts KIND URL`, where KIND is `pg` or `ours`.
import pg from 'pg';
import { createRoutingPool } from 'nestjs-replica/pool';

const [, , kind, url = ''] = process.argv;
const extra = { allowExitOnIdle: true };
// Without a limit, so that only `allowExitOnIdle` lets the process end.
const pool =
  kind === 'pg'
    ? new pg.Pool({ connectionString: url, idleTimeoutMillis: 0, ...extra })
    : await createRoutingPool({ primary: { url }, pool: { idleTimeoutMs: 0 }, extra });
await pool.query('SELECT txid_current()');
