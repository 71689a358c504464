import type pg from 'pg';
import { runProbeFunction, type ProbeSubject } from '../execution/run-probe-function.js';
import type { NodeProbe, ProbeResult } from '../topology/node-probe.js';
import { isConnectionLoss } from './error-kinds.js';
import { ProbeConnector } from './probe-connection.js';
import { NodeQuestion } from './probe-statement.js';

/** One probe, for as long as somebody waits for its answer. */
interface ProbeCall {
  hasEnded: boolean;
}

/** Probes a PostgreSQL node on a connection of its own, made when first needed and again after every failure. */
export class PostgresProbe implements NodeProbe {
  readonly #connector: ProbeConnector;
  readonly #subject: ProbeSubject | undefined;
  readonly #question = new NodeQuestion();
  #closed = false;

  /** `subject`: the user's own probe, which runs after the built-in one within the same time. */
  constructor(config: pg.ClientConfig, subject?: ProbeSubject) {
    this.#subject = subject;
    this.#connector = new ProbeConnector({ ...config, application_name: 'nestjs-replica monitor' });
  }

  async probe(timeoutMs: number): Promise<ProbeResult> {
    if (this.#closed) throw new Error('the probe is closed');
    // An AbortController would do; it makes an error with its stack each time that it is told to end.
    const call: ProbeCall = { hasEnded: false };
    let timer: NodeJS.Timeout | undefined;
    try {
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(
          () => afterPendingAnswers(() => reject(new Error(`no answer within ${timeoutMs} ms`))),
          timeoutMs,
        );
      });
      return await Promise.race([this.#ask(call), late]);
    } catch (error) {
      this.#connector.drop();
      throw error;
    } finally {
      call.hasEnded = true;
      clearTimeout(timer);
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

  /**
   * A connection that has idled may have been closed by the server or a
   * firewall: that says nothing about the node, a new one does.
   */
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

/** This process may itself have been too busy to read an answer that came in time: timers run before sockets. */
function afterPendingAnswers(act: () => void): void {
  setImmediate(() => setImmediate(act));
}
