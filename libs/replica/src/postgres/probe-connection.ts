import type pg from 'pg';
import type { ProbeLink } from '../execution/probes/probe-connector.js';
import { discreetClient } from './discreet-client.js';
import { cancelStatement, cutSocket } from './connection.js';
import { identifyServer, type ServerFacts } from './identify-server.js';

/** A probe's connection, with the facts about its server. */
export interface ProbeConnection extends Omit<ServerFacts, 'identity'> {
  readonly client: pg.Client;
  /** `undefined`: the server refuses to say. */
  identity: ServerFacts['identity'];
}

/** The name of the monitor's connections in `pg_stat_activity`. */
export const MONITOR_NAME = { application_name: 'nestjs-replica monitor' };

export function openProbeLink(config: pg.ClientConfig, lost: () => void): ProbeLink<ProbeConnection> {
  const client = new (discreetClient())({ ...config, ...MONITOR_NAME });
  client.on('error', lost);
  return { ready: connectAndAsk(client), end: () => endAtOnce(client) };
}

/** Ends a connection, whatever it does. */
export function endAtOnce(client: pg.Client): void {
  cancelStatement(client);
  cutSocket(client);
  client.end().catch(() => undefined);
}

export async function connectAndAsk(client: pg.Client): Promise<ProbeConnection> {
  await client.connect();
  // Only a running probe keeps the process alive, through its time-out.
  (client as { unref?: () => void }).unref?.();
  return { client, ...(await identifyServer(client)) };
}
