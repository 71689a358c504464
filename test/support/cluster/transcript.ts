import type { DatabaseCluster, DatabaseNode } from 'nestjs-replica/testing';
import { forDatabase } from './test-database.js';

/** Server settings that make a {@link Transcript} possible. */
export const TRANSCRIPT_SETTINGS = forDatabase<Record<string, string | boolean>>({
  postgres: { log_statement: 'all', log_line_prefix: '%a|' },
  mariadb: { general_log: true },
});

/** What each node received since the last `clear()`: from the servers' own logs, not from ours. */
export class Transcript {
  readonly #nodes: readonly DatabaseNode[];
  readonly #read = new Map<string, number>();

  constructor(cluster: DatabaseCluster) {
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
    const statements = STATEMENTS(await node.readLog(), this.#read.get(nodeName) ?? 0);
    return statements.filter((text) => !text.startsWith(OWN));
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

/** Finds the first lines of the application's statements in a log, from a character on. */
const STATEMENTS = forDatabase<(log: string, from: number) => string[]>({
  postgres: (log, from) =>
    log
      .slice(from)
      .split('\n')
      .flatMap((line) => {
        const [, application, text] = /^([^|]*)\|LOG:\s+(?:statement|execute [^:]*): (.*)$/.exec(line) ?? [];
        return application === APPLICATION && text !== undefined ? [text] : [];
      }),
  // A connection tells its user when it opens, maybe long before; the cluster's own connections have another one.
  mariadb: (log, from) => {
    const connections = new Set<string>();
    const statements: string[] = [];
    let at = 0;
    for (const line of log.split('\n')) {
      const [, id, command, text] = /^(?:\d{6}\s+[\d:]+)?\t\s*(\d+) (\w+)\t?\s*(.*)$/.exec(line) ?? [];
      if (id !== undefined && command === 'Connect' && text?.startsWith('app@')) connections.add(id);
      const isStatement = command === 'Query' || command === 'Execute';
      if (at >= from && isStatement && connections.has(id ?? '')) statements.push(text ?? '');
      at += line.length + 1;
    }
    return statements;
  },
});
