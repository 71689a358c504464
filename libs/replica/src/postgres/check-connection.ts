import type pg from 'pg';
import type { ServerIdentity } from '../topology/server-identity.js';
import { cutSocket } from './cut-socket.js';
import { idleAgain } from './idle-again.js';
import { identifyServer } from './identify-server.js';
import { WrongServerError } from '../errors/wrong-server.error.js';

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
/** So many statements of the application are waited for, of which each begins when the one before is answered. */
const MAX_TURNS = 20;

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

/** Rejects in time also where `pg` tells nothing any more of a connection that is gone. */
async function identifyInTime(client: pg.ClientBase, timeoutMs: number): Promise<ServerIdentity | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      cutSocket(client);
      reject(new Error('Connection terminated: the server did not tell in time who it is'));
    }, timeoutMs);
  });
  const asking = untilIdle(client).then(() => identifyServer(client));
  try {
    return (await Promise.race([asking, late])).identity;
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Resolves when what the application runs on each new connection (a listener to `connect` sets something) was answered. `pg` runs one
 * statement at a time, and will refuse another one: ours would have to wait in any case.
 */
async function untilIdle(client: pg.ClientBase): Promise<void> {
  // What is given to `pg` while it tells that it has connected is sent when all have been told.
  await Promise.resolve();
  for (let turn = 0; turn < MAX_TURNS && isBusy(client); turn++) {
    await idleAgain(client);
    // Whoever waited for the answer goes on first.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function isBusy(client: pg.ClientBase): boolean {
  return (client as { readyForQuery?: boolean | null }).readyForQuery === false;
}
