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

export function openProbeLink(config: pg.ClientConfig, lost: () => void): ProbeLink<ProbeConnection> {
  const client = new (discreetClient())(config);
  client.on('error', lost);
  return {
    ready: connect(client),
    end: () => {
      cancelStatement(client);
      cutSocket(client);
      client.end().catch(() => undefined);
    },
  };
}

async function connect(client: pg.Client): Promise<ProbeConnection> {
  await client.connect();
  // Only a running probe keeps the process alive, through its time-out.
  (client as { unref?: () => void }).unref?.();
  return { client, ...(await identifyServer(client)) };
}
