import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import type { DatabaseNode, TcpProxyTarget } from 'nestjs-replica/testing';

/**
 * Texts of equal length, so that no packet changes its size. What the library asks of MySQL and of Aurora reaches a MariaDB that has
 * the same under another name. An information schema takes no table of ours, so `replica_host_status` stands in a schema of its own.
 */
const QUESTIONS = [
  ['information_schema.replica_host_status', 'aurora_information.replica_host_status'],
  ['performance_schema.global_status', 'information_schema.global_status'],
  ['@@aurora_server_id', '@@global.server_id'],
  ['@@global.server_uuid', '@@global.server_id  '],
  ['@@global.innodb_read_only', '@@global.read_only       '],
  ["LIKE 'aurora_version'", "LIKE 'version_ssl_l%'"],
] as const;
/** In the server's greeting. A server of this name is no MariaDB, so it counts as MySQL. */
const GREETING = ['MariaDB', 'AwsLike'] as const;

/** A node as the library sees it: an instance of Aurora MySQL. */
export interface EmulatedInstance extends TcpProxyTarget {
  readonly url: string;
  close(): Promise<void>;
}

/** Makes the table of Aurora's manual. */
export async function createHostStatus(writer: DatabaseNode): Promise<void> {
  await writer.query(`CREATE DATABASE aurora_information;
    CREATE TABLE aurora_information.replica_host_status (SERVER_ID varchar(100) NOT NULL, SESSION_ID varchar(100) NOT NULL,
      REPLICA_LAG_IN_MILLISECONDS double, LAST_UPDATE_TIMESTAMP datetime(6), IS_CURRENT tinyint, CPU double)`);
}

/** Fills it anew, with one row for each of these nodes. The first one is the writer. */
export async function setHostStatus(nodes: readonly DatabaseNode[]): Promise<void> {
  const ids = await Promise.all(nodes.map((node) => node.query<{ id: number }>('SELECT @@server_id AS id')));
  const rows = ids.map(
    ([row], index) =>
      `('${row?.id}', '${index === 0 ? 'MASTER_SESSION_ID' : `reader-${index}`}', 0, NOW(6), 1, 0)`,
  );
  await nodes[0]?.query(`BEGIN; DELETE FROM aurora_information.replica_host_status;
    INSERT INTO aurora_information.replica_host_status VALUES ${rows.join(', ')}; COMMIT`);
}

/**
 * Renews the rows until the returned function is called, as the writer of a cluster does. They reach a reader in the order of all other
 * writes, so one that replays late tells old rows, as Aurora's manual says of a reader that falls behind.
 */
export function renewHostStatus(writer: DatabaseNode): () => Promise<void> {
  const over = new AbortController();
  const renew = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await writer.query('UPDATE aurora_information.replica_host_status SET LAST_UPDATE_TIMESTAMP = NOW(6)');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const renewing = renew();
  return () => {
    over.abort();
    return renewing;
  };
}

/** Answers for the node as an instance of Aurora MySQL would, on a port of its own. */
export async function emulateInstance(node: DatabaseNode): Promise<EmulatedInstance> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(node.port, node.host);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.setNoDelay(true).on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
    let isGreeting = true;
    near.on('data', (bytes) => far.write(renamed(bytes, QUESTIONS)));
    far.on('data', (bytes) => {
      near.write(isGreeting ? renamed(bytes, [GREETING]) : bytes);
      isGreeting = false;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = new URL(node.url.replace(/^mariadb:/, 'mysql:'));
  url.port = String(port);
  return {
    host: '127.0.0.1',
    port,
    url: url.href,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function renamed(bytes: Buffer, names: readonly (readonly [string, string])[]): Buffer {
  const text = bytes.toString('latin1');
  return Buffer.from(
    names.reduce((changed, [from, to]) => changed.replaceAll(from, to), text),
    'latin1',
  );
}
