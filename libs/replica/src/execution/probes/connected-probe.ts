import { inTime } from '../../topology/in-time.js';
import type { NodeProbe, ProbeResult } from '../../topology/node-probe.js';
import type { ProbeConnector } from './probe-connector.js';

/** What a {@link ConnectedProbe} needs of its database. */
export interface ProbeQuestions<C> {
  /** Asks the whole question, and rejects if there is no answer to rely on. */
  ask(connection: C): Promise<ProbeResult>;
  isConnectionLoss(error: unknown): boolean;
  /** A question got no answer in time, or lost its connection. */
  failed?(): void;
}

/** One call of {@link ConnectedProbe.probe}. */
interface ProbeCall {
  hasEnded: boolean;
}

/** Probes a node on a connection of its own. Connects at the first probe, and again after every failure. */
export class ConnectedProbe<C> implements NodeProbe {
  readonly #connector: ProbeConnector<C>;
  readonly #questions: ProbeQuestions<C>;
  #closed = false;
  /** Lets the probe under way fail. A driver may never tell of a connection that is ended while it is being made. */
  #giveUp: ((reason: Error) => void) | undefined;

  constructor(connector: ProbeConnector<C>, questions: ProbeQuestions<C>) {
    this.#connector = connector;
    this.#questions = questions;
  }

  async probe(timeoutMs: number): Promise<ProbeResult> {
    if (this.#closed) throw closedError();
    // An AbortController would also do, but each abort creates an error with a stack.
    const call: ProbeCall = { hasEnded: false };
    const givenUp = new Promise<never>((_, reject) => (this.#giveUp = reject));
    try {
      return await inTime(Promise.race([this.#ask(call), givenUp]), timeoutMs, async () => {
        await pendingAnswers();
        throw new Error(`no answer within ${timeoutMs} ms`);
      });
    } catch (error) {
      this.#connector.drop();
      this.#questions.failed?.();
      throw error;
    } finally {
      call.hasEnded = true;
    }
  }

  reconnect(): void {
    this.#connector.drop();
  }

  close(): Promise<void> {
    this.#closed = true;
    this.#connector.close();
    this.#giveUp?.(closedError());
    return Promise.resolve();
  }

  /**
   * One lost connection says nothing about the node: the server or a firewall closes idle ones, and an operator may end any. So this asks once
   * more, on a new one. If the node is gone, it cannot be had.
   */
  async #ask(call: ProbeCall): Promise<ProbeResult> {
    const connection = await this.#connect(call);
    try {
      return await this.#questions.ask(connection);
    } catch (error) {
      if (this.#closed || call.hasEnded || !this.#questions.isConnectionLoss(error)) throw error;
      this.#connector.drop();
      return await this.#questions.ask(await this.#connect(call));
    }
  }

  async #connect(call: ProbeCall): Promise<C> {
    const connection = await this.#connector.get();
    if (call.hasEnded) throw new Error('nobody waits for an answer any more');
    return connection;
  }
}

function closedError(): Error {
  return new Error('the probe is closed');
}

/** Timers run before sockets, so a busy process may not yet have read an answer that arrived in time. This lets it read first. */
function pendingAnswers(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
