import { NodeServer } from './node-server.js';
import { Replication } from './replication.js';

/** The running servers of a cluster, and how they replicate. */
export interface ServerGroup<Server extends NodeServer> {
  readonly backend: 'embedded' | 'containers';
  readonly replication: Replication<Server>;
  readonly primary: Server;
  readonly replicas: readonly Server[];
  /** Removes everything that the servers left behind. They have ended by then. */
  release(): Promise<void>;
}

/** The names of a cluster's replicas. */
export function replicaNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `replica-${index + 1}`);
}
