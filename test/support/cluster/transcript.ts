import type { PostgresCluster, PostgresNode } from 'nestjs-replica/testing';

/** Server settings that make a {@link Transcript} possible. */
export const TRANSCRIPT_SETTINGS = { log_statement: 'all', log_line_prefix: '%a|' } as const;

/** What each node received since the last `clear()`: from the servers' own logs, not from ours. */
export class Transcript {
  readonly #nodes: readonly PostgresNode[];
  readonly #read = new Map<string, number>();

  constructor(cluster: PostgresCluster) {
    this.#nodes = cluster.nodes;
  }

  /** Forgets what was received until now. */
  async clear(): Promise<void> {
    for (const node of this.#nodes) this.#read.set(node.name, (await node.readLog()).length);
  }

  /** The statements that a node received from the application, what the library itself asks left out. */
  async of(nodeName: string): Promise<string[]> {
    const node = this.#nodes.find(({ name }) => name === nodeName);
    if (node === undefined) throw new RangeError(`there is no node ${nodeName}`);
    const log = (await node.readLog()).slice(this.#read.get(nodeName) ?? 0);
    return log.split('\n').flatMap((line) => {
      const [, application, text] = /^([^|]*)\|LOG:\s+(?:statement|execute [^:]*): (.*)$/.exec(line) ?? [];
      return application === APPLICATION && text !== undefined && !text.startsWith(OWN) ? [text] : [];
    });
  }

  /** The same for all nodes, by name. */
  async all(): Promise<Record<string, string[]>> {
    const entries = this.#nodes.map(async ({ name }) => [name, await this.of(name)] as const);
    return Object.fromEntries(await Promise.all(entries));
  }

  /** How many statements with this in their text each node received. */
  async count(part: string): Promise<Record<string, number>> {
    const all = await this.all();
    return Object.fromEntries(
      Object.entries(all).map(([name, texts]) => [name, texts.filter((text) => text.includes(part)).length]),
    );
  }
}

/** How the library marks its own queries. */
const OWN = '/* nestjs-replica: ';

/** The `applicationName` by which a transcript knows the application under test. */
export const APPLICATION = 'app-under-test';
