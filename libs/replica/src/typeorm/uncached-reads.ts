import type { QueryRunner } from 'typeorm';
import type { Sightings } from '../context/shown-sessions.js';
import { RoutedClient } from '../execution/routed-client.js';
import type { Position } from '../session/position.js';
import type { Topology } from '../topology/topology.js';
import type { NodePositions } from './node-positions.js';
import type { CachedPosition } from './cached-position.js';

/** What is known of a reader before it reads. */
export interface Reader {
  /** What its session has written and seen. By the rule every node that may answer the read has it. */
  readonly floor: Position | undefined;
  /** What the reader was shown before, if that matters. */
  readonly shown: Sightings | undefined;
}

/** A read that the cache did not answer, as it was when it began. */
export interface UncachedRead extends Reader {
  /** `Date.now()` when the read began. The age of its answer counts from here, because the read may take its time. */
  readonly epochMs: number;
  readonly topology: Topology | undefined;
  readonly history: number | undefined;
  readonly client: RoutedClient | undefined;
  /** How many statements the client had been given before. */
  readonly given: number;
}

/**
 * The reads that the result cache did not answer: which node answers them, and where that node stands in the history.
 */
export class UncachedReads {
  readonly #positions: NodePositions;
  /** Reads whose answers have not been stored yet, by their text. */
  readonly #begun = new WeakMap<QueryRunner, Map<string | undefined, UncachedRead>>();

  constructor(positions: NodePositions) {
    this.#positions = positions;
  }

  /** The read is about to be sent on this runner. Resolves to the client that will run it, if that is one of ours. */
  async begin(
    text: string | undefined,
    runner: QueryRunner | undefined,
    reader: Reader,
  ): Promise<RoutedClient | undefined> {
    if (runner === undefined) return undefined;
    const connection: unknown = await runner.connect();
    const client = connection instanceof RoutedClient ? connection : undefined;
    const begun = this.#begun.get(runner) ?? new Map<string | undefined, UncachedRead>();
    this.#begun.set(runner, begun);
    begun.set(text, {
      ...reader,
      epochMs: Date.now(),
      topology: this.#positions.topology,
      history: this.#positions.history,
      client,
      given: client?.statementCount ?? 0,
    });
    return client;
  }

  /** The read was answered. `undefined` if it did not begin here, or was taken before. */
  take(text: string | undefined, runner: QueryRunner | undefined): UncachedRead | undefined {
    const begun = runner === undefined ? undefined : this.#begun.get(runner);
    const read = begun?.get(text);
    begun?.delete(text);
    return read;
  }

  /** The two positions between which the answering node stood; `undefined` if they cannot be told. Never rejects. */
  async positionOf({
    topology,
    history,
    floor = 0n,
    client,
    given,
  }: UncachedRead): Promise<CachedPosition | undefined> {
    // The name is known only if this was the client's only statement since then.
    const name = client?.answeredBy(given + 1);
    if (topology === undefined || name === undefined) return undefined;
    const node = [topology.primary, ...topology.replicas].find((it) => it.name === name);
    const known = node?.health === 'up' ? node.position : undefined;
    if (known === undefined || history === undefined) return undefined;
    const atLeast = known > floor ? known : floor;
    const atMost = await this.#positions.capture(name);
    // A node that was promoted or came back from a crash may have another history.
    const isSame = this.#positions.history === history;
    return isSame && atMost !== undefined && atMost >= atLeast ? { atLeast, atMost, history } : undefined;
  }
}
