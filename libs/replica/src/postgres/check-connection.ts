import type pg from 'pg';
import type { ServerIdentity } from '../topology/server-identity.js';
import { cutSocket } from './cut-socket.js';
import { identifyServer } from './identify-server.js';
import { WrongServerError } from './wrong-server.error.js';

/** Says which servers a node's connections may lead to. */
export interface ServerCheck {
  /** Whether anybody wants to know; asked for each new connection. */
  readonly isOn: () => boolean;
  /**
   * Why a new connection that leads to the server of this identity may not be used; `undefined`: it may. Where that has to be found
   * out first it is a promise, which never rejects.
   */
  readonly objectionTo: (
    identity: ServerIdentity | undefined,
  ) => string | undefined | Promise<string | undefined>;
}

/** Learns which server a connection leads to, before it is used; `undefined`: it does not tell. */
export type Identified = (client: pg.ClientBase, identity: ServerIdentity | undefined) => void;

/** How long a server may take to tell who it is, where there is no limit to how long connecting may; milliseconds. */
const CHECK_MS = 5_000;

/** The same pool, in which a new connection is asked who it leads to before it is used. */
export function checked(
  config: pg.PoolConfig,
  { isOn, objectionTo }: ServerCheck,
  identified: Identified,
): pg.PoolConfig {
  const { verify: own, connectionTimeoutMillis: timeoutMs = CHECK_MS } = config;
  const check = async (client: pg.PoolClient): Promise<void> => {
    if (!isOn()) return;
    const identity = await identifyInTime(client, timeoutMs);
    identified(client, identity);
    const objection = await objectionTo(identity);
    if (objection !== undefined) throw new WrongServerError(objection);
  };
  return {
    ...config,
    verify: (client, done) => {
      check(client).then(() => (own === undefined ? done() : own(client, done)), done);
    },
  };
}

async function identifyInTime(client: pg.ClientBase, timeoutMs: number): Promise<ServerIdentity | undefined> {
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    cutSocket(client);
  }, timeoutMs);
  try {
    return (await identifyServer(client)).identity;
  } catch (error) {
    throw isLate ? new Error('Connection terminated: the server did not tell in time who it is') : error;
  } finally {
    clearTimeout(timer);
  }
}
