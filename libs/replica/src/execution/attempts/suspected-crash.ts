import { NodeCrashedError } from '../../errors/node-crashed.error.js';
import { NoReplicaError } from '../../errors/no-replica.error.js';
import type { Route } from '../../routing/route.js';
import type { AttemptedStatement, AttemptTools } from './attempt-tools.js';

/**
 * How often a read that may have crashed its server looks for one more replica, with a pause in milliseconds between looks: 2 s
 * in all.
 */
const REPLICA_LOOKS = 40;
const REPLICA_PAUSE_MS = 50;

/** The nodes to which a read lost its connection without a word. It may have crashed them. */
export class SuspectedCrash {
  readonly #tools: AttemptTools;
  readonly #nodes: readonly string[];
  /** The error of the latest loss. */
  readonly #loss: unknown;

  constructor(tools: AttemptTools, nodes: readonly string[], loss: unknown) {
    this.#tools = tools;
    this.#nodes = nodes;
    this.#loss = loss;
  }

  /** The same suspicion with one more node. */
  and(node: string, loss: unknown): SuspectedCrash {
    return new SuspectedCrash(this.#tools, [...this.#nodes, node], loss);
  }

  /** Whether the read must not run on `node` before it is cleared. It may run on one more node, but never on the primary. */
  forbids(node: string): boolean {
    return this.#nodes.length > 1 || node === this.#tools.finder.primary;
  }

  /** Whether the read is cleared of having caused the lost connections. Never rejects. */
  async isCleared(text: string, sinceMs: number): Promise<boolean> {
    const answers = await Promise.all(this.#nodes.map((node) => this.#tools.isCleared(node, text, sinceMs)));
    return !answers.includes(false);
  }

  /**
   * Finds one more replica for the read. That replica may itself be recovering from the same crash. Most suspects are innocent:
   * they were sent on a connection whose end arrived before the server's word. Rejects with a `NodeCrashedError` if there is no
   * such replica.
   */
  async oneMoreReplica({ statement, scope, conditions }: AttemptedStatement): Promise<Route> {
    const { finder } = this.#tools;
    const failed = this.#nodes;
    const mayWait = failed.length === 1 && finder.hasOtherReplica(failed);
    for (let left = mayWait ? REPLICA_LOOKS : 0; left > 0; left--) {
      const route = await Promise.resolve(finder.find(statement, scope, { conditions, failed })).catch(
        (error: unknown) => {
          if (!(error instanceof NoReplicaError)) throw error;
        },
      );
      if (route !== undefined && route.node !== finder.primary) return route;
      await new Promise((resolve) => setTimeout(resolve, REPLICA_PAUSE_MS));
    }
    throw new NodeCrashedError(failed, this.#loss);
  }
}
