import type { Connection } from 'mysql2';

/** What the server may do (protocol of MariaDB): extend the description of columns, and tell those of a prepared statement once. */
const CACHE_METADATA = 0x10;

/** The parts of the command of `mysql2` that logs in. It has the server's greeting when it sends these packets. */
interface Handshake {
  readonly handshake: { readonly mariadbExtendedCapabilityFlags?: number };
  mariadbExtendedClientFlags: number;
  sendSSLRequest: (connection: object) => void;
  sendCredentials: (connection: object) => void;
}

/**
 * Lets a server of MariaDB (10.6) leave out the columns of a prepared statement as long as they are those that it told last. The command
 * that reads such answers is `LaneExecute`. Call this before the greeting arrives. Does nothing with a `mysql2` or a server that does not
 * know of it.
 */
export function askForColumnsOnce(connection: Connection): void {
  // oxlint-disable-next-line eslint/no-underscore-dangle -- the name that it has in `mysql2`
  const login = (connection as unknown as { readonly _command?: Partial<Handshake> })._command;
  if (typeof login?.sendCredentials !== 'function' || typeof login.sendSSLRequest !== 'function') return;
  const { sendCredentials, sendSSLRequest } = login as Handshake;
  login.sendCredentials = (to) => sendCredentials.call(noteWish(login as Handshake), to);
  login.sendSSLRequest = (to) => sendSSLRequest.call(noteWish(login as Handshake), to);
}

/** The server takes such wishes only from a client that has asked for extended descriptions, as `mysql2` does where it can. */
function noteWish(login: Handshake): Handshake {
  const offered = login.handshake.mariadbExtendedCapabilityFlags ?? 0;
  if (login.mariadbExtendedClientFlags !== 0) login.mariadbExtendedClientFlags |= offered & CACHE_METADATA;
  return login;
}
