import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresCluster } from 'nestjs-replica/testing';
import pg from 'pg';
import type { CleanUp } from './clean-up.js';

/** A running pgpool-II in front of a cluster. */
export interface Pgpool {
  readonly url: string;
  /** Its topmost process. */
  readonly pid: number;
}

/**
 * The script that starts pgpool-II in a session of its own and prints its process number. When the owner's end of the pipe closes,
 * which also happens if the owner is killed, it shuts pgpool-II down and removes the folder. $1 is the program, $2 the folder.
 */
const SCRIPT = `
"$1" -n -f "$2/pgpool.conf" >"$2/pgpool.log" 2>&1 &
echo $!
read -r _
kill -INT $!
wait $!
rm -rf "$2"
`;

const ANSWER_MS = 15_000;

/**
 * Starts pgpool-II so that each read outside a transaction goes to one of the replicas, by statement. `clients`: how many clients it
 * serves at once, each with a connection of its own to every node. `undefined`: pgpool-II is not installed.
 */
export async function startPgpool(
  cluster: PostgresCluster,
  { clients, cleanUp }: { clients: number; cleanUp: CleanUp },
): Promise<Pgpool | undefined> {
  const program = findProgram();
  if (program === undefined) return undefined;
  const folder = await mkdtemp(join(tmpdir(), 'pgpool-'));
  cleanUp.add(() => rm(folder, { recursive: true, force: true }));
  const port = await freePort();
  await writeFile(join(folder, 'pgpool.conf'), settingsOf(cluster, { folder, port, clients }));
  const guard = spawn('/bin/sh', ['-c', SCRIPT, 'pgpool-guard', program, folder], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const ended = once(guard, 'exit');
  cleanUp.add(async () => {
    guard.stdin.end();
    await ended;
  });
  const [pid] = (await once(guard.stdout, 'data')) as [Buffer];
  const { username, password, database } = cluster.primary;
  const url = `postgres://${username}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
  await waitForAnswer(url);
  return { url, pid: Number(pid) };
}

/** Debian installs it in a folder that is not on a user's path. */
function findProgram(): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders.map((folder) => join(folder, 'pgpool')).find((path) => existsSync(path));
}

/** The defaults, except for its own address, the nodes, and which of them get reads. */
function settingsOf(
  { nodes, primary }: PostgresCluster,
  { folder, port, clients }: { folder: string; port: number; clients: number },
): string {
  const backends = nodes.flatMap((node, index) => [
    `backend_hostname${index} = '${node.host}'`,
    `backend_port${index} = ${node.port}`,
    `backend_weight${index} = ${node === primary ? 0 : 1}`,
    `backend_flag${index} = '${node === primary ? 'ALWAYS_PRIMARY|' : ''}DISALLOW_TO_FAILOVER'`,
  ]);
  const settings = [
    `backend_clustering_mode = 'streaming_replication'`,
    ...backends,
    `listen_addresses = '127.0.0.1'`,
    `port = ${port}`,
    `socket_dir = '${folder}'`,
    `pcp_listen_addresses = ''`,
    `pcp_socket_dir = '${folder}'`,
    `pid_file_name = '${folder}/pgpool.pid'`,
    `logdir = '${folder}'`,
    // It asks for the password in clear text, to log in to the nodes with it.
    `pool_passwd = ''`,
    'allow_clear_text_frontend_auth = on',
    `sr_check_user = '${primary.username}'`,
    `sr_check_password = '${primary.password}'`,
    `sr_check_database = '${primary.database}'`,
    // One more for the check whether it answers.
    `num_init_children = ${clients + 1}`,
    'load_balance_mode = on',
    // By connection, two long-lived pools of one application may share a replica.
    'statement_level_load_balance = on',
  ];
  return `${settings.join('\n')}\n`;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function waitForAnswer(url: string): Promise<void> {
  for (const deadlineMs = performance.now() + ANSWER_MS; ; await sleep(100)) {
    const client = new pg.Client({ connectionString: url });
    // Once a connection is refused, its end may be an error, too.
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('SELECT 1');
      return;
    } catch (error) {
      if (performance.now() > deadlineMs) throw new Error('pgpool-II does not answer', { cause: error });
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}
