import type { ServerIdentity, WatchedNode } from '../../../libs/replica/src/topology/node-probe.js';
import { ServersBehind } from '../../../libs/replica/src/topology/discovery/servers-behind.js';
import { ServerSearch } from '../../../libs/replica/src/execution/endpoints/server-search.js';
import { serverKeyOf } from '../../../libs/replica/src/execution/endpoints/server-key.js';
import type { SortedConnection } from '../../../libs/replica/src/execution/endpoints/search-options.js';
import type { ModelCluster } from './model-cluster.js';

/** A connection through the endpoint. */
export interface ModelConnection {
  /** The name of the server in the model. */
  readonly server: string;
  readonly run: number;
  readonly identity: ServerIdentity;
}

interface ModelEndpointOptions {
  readonly cluster: ModelCluster;
  readonly random: () => number;
  /** The servers that answer behind the address. */
  readonly names: readonly string[];
  /** Probes take any connection for one to their server. */
  readonly areProbesUnsorted: boolean;
}

const PREFIX = 'reader-';
const WANT = { timeoutMs: 50, isImpatient: true };

/** One address behind which several servers answer, as one instance sees it: each connection leads to any of them. */
export class ModelEndpoint {
  readonly #options: ModelEndpointOptions;
  readonly #servers = new ServersBehind(() => performance.now());
  readonly #search: ServerSearch<ModelConnection>;
  #keys = '';

  constructor(options: ModelEndpointOptions) {
    this.#options = options;
    this.#search = new ServerSearch<ModelConnection>({
      open: () => ({ ready: this.#open(), end: () => undefined }),
      close: () => undefined,
      onLost: () => () => undefined,
      connectionLost: (why) => new Error(why),
      timedOut: () => new Error('no connection in time'),
      nowMs: () => performance.now(),
    });
  }

  /** Makes a connection; returns the nodes if there are others now. */
  async look(): Promise<readonly WatchedNode[] | undefined> {
    await this.#search.look().catch(() => undefined);
    const found = this.#servers.list(undefined);
    const keys = found.map(({ key }) => key).join();
    if (keys === this.#keys) return undefined;
    this.#keys = keys;
    return found.map(({ key, identity }) => this.#watched(key, identity));
  }

  end(): void {
    this.#search.end();
  }

  has(node: string): boolean {
    return node.startsWith(PREFIX);
  }

  /** A connection to the node's server. Rejects if there is none in time. */
  async connect(node: string): Promise<ModelConnection> {
    for (;;) {
      const connection = await this.#search.want(node.slice(PREFIX.length), WANT).ready;
      // A spare one may have been lost meanwhile.
      if (this.isOpen(connection)) return connection;
    }
  }

  /** A connection to any server. */
  async connectAnywhere(): Promise<ModelConnection> {
    return (await this.#open()).connection;
  }

  isOpen({ server, run }: ModelConnection): boolean {
    const node = this.#options.cluster.replica(server);
    return node.isUp && node.run === run;
  }

  async #open(): Promise<SortedConnection<ModelConnection>> {
    const { cluster, names, random } = this.#options;
    await this.#delay();
    const up = names.filter((name) => cluster.replica(name).isUp);
    const server = up[Math.floor(random() * up.length)];
    if (server === undefined) throw new Error('nobody answers');
    const identity = cluster.identityOf(server);
    const key = serverKeyOf(identity);
    this.#servers.saw({ key, identity, isReadOnly: true });
    return { connection: { server, run: cluster.replica(server).run, identity }, server: key };
  }

  #watched(key: string, known: ServerIdentity): WatchedNode {
    const { cluster, areProbesUnsorted } = this.#options;
    const name = `${PREFIX}${key}`;
    let open: ModelConnection | undefined;
    const probe = async (): ReturnType<WatchedNode['probe']['probe']> => {
      if (open === undefined || !this.isOpen(open))
        open = await (areProbesUnsorted ? this.connectAnywhere() : this.connect(name));
      await this.#delay();
      const position = this.isOpen(open) ? cluster.read(open.server) : undefined;
      if (position === undefined) throw new Error(`${name} is gone`);
      const identity = areProbesUnsorted ? known : open.identity;
      return { identity, isReadOnly: true, position, epoch: 1, isStreaming: true, sender: 'primary:5432' };
    };
    return {
      name,
      role: 'replica',
      address: 'endpoint:5432',
      weight: 1,
      probe: { probe, reconnect: () => undefined, close: () => Promise.resolve() },
    };
  }

  #delay(): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, 1 + 3 * this.#options.random()));
  }
}
