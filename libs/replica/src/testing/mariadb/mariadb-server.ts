import { NodeServer } from '../node-server.js';

/** The superuser of every cluster. `read_only` does not stop it. */
export const SUPERUSER = 'root';

/** The user in the nodes' addresses, who may do everything except write where `read_only` is set. */
export const USERNAME = 'app';

/** The database in the nodes' addresses. */
export const DATABASE = 'test';

/** A MariaDB server, with what differs between backends where it replicates. */
export interface MariadbServer extends NodeServer {
  /** Whether it starts with `read_only`. A running server keeps what it has. */
  isReadOnly: boolean;
  /** Gives this stopped server files without any history, and a `server_id` that no server of the cluster has had. */
  renew(): Promise<void>;
}

/**
 * Makes the users and the database of a new server, one statement on each line. They do not belong to the history that replicas
 * replay: each server has them from the beginning.
 * @param password letters and digits
 */
export function setupStatements(password: string): string[] {
  return [
    'SET SESSION sql_log_bin = 0;',
    'FLUSH PRIVILEGES;',
    `CREATE DATABASE IF NOT EXISTS ${DATABASE} CHARACTER SET utf8mb4;`,
    `CREATE OR REPLACE USER ${SUPERUSER}@'%' IDENTIFIED BY '${password}';`,
    `GRANT ALL PRIVILEGES ON *.* TO ${SUPERUSER}@'%' WITH GRANT OPTION;`,
    `CREATE OR REPLACE USER ${USERNAME}@'%' IDENTIFIED BY '${password}';`,
    `GRANT ALL PRIVILEGES ON *.* TO ${USERNAME}@'%';`,
    `REVOKE SUPER, READ ONLY ADMIN ON *.* FROM ${USERNAME}@'%';`,
  ];
}

/**
 * The first entry of a cluster's history. Only with one do servers have a position, as those of a real application do. It changes
 * nothing.
 */
export const FIRST_ENTRY = `CREATE DATABASE IF NOT EXISTS ${DATABASE}`;
