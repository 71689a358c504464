import type pg from 'pg';
import { runProbeFunction, type ProbeSubject } from '../execution/run-probe-function.js';
import { inTime } from '../topology/in-time.js';
import type { NodeProbe, ProbeResult } from '../topology/node-probe.js';
import { isConnectionLoss } from './error-kinds.js';
import { ProbeConnector } from './probe-connection.js';
import { NodeQuestion } from './probe-statement.js';

/** One call of {@link PostgresProbe.probe}. */
interface ProbeCall {
  hasEnded: boolean;
}

/** Probes a PostgreSQL node on its own connection. Connects at the first probe, and again after every failure. */
export class PostgresProbe implements NodeProbe {
  readonly #connector: ProbeConnector;
  readonly #subject: ProbeSubject | undefined;
  readonly #question = new NodeQuestion();
  #closed = false;

  /** @param subject the user's own probe; it runs after the built-in one, within the same time limit */
  constructor(config: pg.ClientConfig, subject?: ProbeSubject) {
    this.#subject = subject;
    this.#connector = new ProbeConnector({ ...config, application_name: 'nestjs-replica monitor' });
  }

  async probe(timeoutMs: number): Promise<ProbeResult> {
    if (this.#closed) throw new Error('the probe is closed');
    // An AbortController would also do, but each abort creates an error with a stack.
    const call: ProbeCall = { hasEnded: false };
    try {
      return await inTime(this.#ask(call), timeoutMs, async () => {
        await pendingAnswers();
        throw new Error(`no answer within ${timeoutMs} ms`);
      });
    } catch (error) {
      this.#connector.drop();
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
    return Promise.resolve();
  }

  /** The server or a firewall may have closed an idle connection, which says nothing about the node. So this retries on a new one. */
  async #ask(call: ProbeCall): Promise<ProbeResult> {
    const hasIdled = this.#connector.isOpen;
    try {
      return await this.#askOnce(call);
    } catch (error) {
      if (!hasIdled || this.#closed || call.hasEnded || !isConnectionLoss(error)) throw error;
      this.#connector.drop();
      return this.#askOnce(call);
    }
  }

  async #askOnce(call: ProbeCall): Promise<ProbeResult> {
    const connection = await this.#connector.get();
    if (call.hasEnded) throw new Error('nobody waits for an answer any more');
    return this.#subject === undefined
      ? this.#question.ask(connection)
      : runProbeFunction(
          this.#subject,
          async (sql, values) => (await connection.client.query(sql, values)).rows as unknown[],
          await this.#question.askOrRole(connection),
        );
  }
}

/** Timers run before sockets, so a busy process may not yet have read an answer that arrived in time. This lets it read first. */
function pendingAnswers(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
