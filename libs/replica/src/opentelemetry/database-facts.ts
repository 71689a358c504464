import type { Attributes } from '@opentelemetry/api';
import { engineOf, type ReplicaRouter } from '../engine/replica-router.js';
import type { ResolvedNode } from '../options/resolve-nodes.js';
import type { NodeRole } from '../topology/topology.js';
import { NAMESPACE, SERVER_ADDRESS, SERVER_PORT, SYSTEM } from './attribute-names.js';

/** What spans and metrics tell of a node. */
interface NodeFacts {
  readonly role: NodeRole;
  readonly server: Attributes;
}

/** What spans and metrics tell of a router's database. */
export class DatabaseFacts {
  /** Of all spans and metrics. */
  readonly common: Attributes;
  readonly #router: ReplicaRouter;
  /** Precedes the names of pools, so that those of several data sources differ. */
  readonly #prefix: string;
  #nodes = new Map<string, NodeFacts>();

  constructor(router: ReplicaRouter) {
    const { options } = engineOf(router);
    const { type, name, primary } = options as { type: string; name?: string; primary: ResolvedNode };
    this.#router = router;
    this.#prefix = name === undefined || name === 'default' ? '' : `${name}/`;
    const namespace = databaseOf(primary);
    this.common = {
      [SYSTEM]: SYSTEMS[type] ?? type,
      ...(namespace === undefined ? {} : { [NAMESPACE]: namespace }),
    };
  }

  poolOf(node: string): string {
    return this.#prefix + node;
  }

  /** Where the node is and what it does; `undefined` if it has left. */
  nodeOf(node: string): NodeFacts | undefined {
    if (!this.#nodes.has(node)) this.#nodes = this.#readNodes();
    return this.#nodes.get(node);
  }

  /** Forgets what is known of nodes. Call it when their list or their roles change. */
  readonly forgetNodes = (): void => this.#nodes.clear();

  #readNodes(): Map<string, NodeFacts> {
    if (!engineOf(this.#router).isStarted) return new Map();
    const { primary, replicas } = this.#router.topology();
    return new Map(
      [primary, ...replicas].map(({ name, role, address }) => [name, { role, server: serverOf(address) }]),
    );
  }
}

/** Types of data sources whose system has another name in the conventions. */
const SYSTEMS: Readonly<Record<string, string>> = { postgres: 'postgresql' };

function serverOf(address: string): Attributes {
  const colon = address.lastIndexOf(':');
  const port = Number(address.slice(colon + 1));
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  return colon < 0 || !Number.isInteger(port)
    ? { [SERVER_ADDRESS]: address }
    : { [SERVER_ADDRESS]: host, [SERVER_PORT]: port };
}

/** The name of the database. Everything else in the credentials is a secret. */
function databaseOf({ credentials }: ResolvedNode): string | undefined {
  const { database, url } = credentials as { database?: unknown; url?: unknown };
  if (typeof database === 'string') return database;
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined;
  const path = new URL(url).pathname.slice(1);
  return path === '' ? undefined : decodeURIComponent(path);
}
