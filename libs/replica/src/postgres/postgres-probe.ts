import type pg from 'pg';
import type { NodeProbe, ProbeResult } from '../topology/node-probe.js';
import { isConnectionLoss } from './postgres-errors.js';
import { ProbeConnector } from './probe-connection.js';
import { askNode, askNodeOrRole } from './probe-statement.js';
import { runProbeFunction, type ProbeSubject } from './run-probe-function.js';

/** Probes a PostgreSQL node on a connection of its own, made when first needed and again after every failure. */
export class PostgresProbe implements NodeProbe {
  readonly #connector: ProbeConnector;
  readonly #subject: ProbeSubject | undefined;
  #closed = false;

  /** `subject`: the user's own probe, which runs after the built-in one within the same time. */
  constructor(config: pg.ClientConfig, subject?: ProbeSubject) {
    this.#subject = subject;
    this.#connector = new ProbeConnector({ ...config, application_name: 'nestjs-replica monitor' });
  }

  async probe(timeoutMs: number): Promise<ProbeResult> {
    if (this.#closed) throw new Error('the probe is closed');
    const ending = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    try {
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(
          () => afterPendingAnswers(() => reject(new Error(`no answer within ${timeoutMs} ms`))),
          timeoutMs,
        );
      });
      return await Promise.race([this.#ask(ending.signal), late]);
    } catch (error) {
      this.#connector.drop();
      throw error;
    } finally {
      ending.abort();
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
   * `ended`: nobody waits for the answer any more. A connection that has idled may have been closed by the server or a
   * firewall: that says nothing about the node, a new one does.
   */
  async #ask(ended: AbortSignal): Promise<ProbeResult> {
    const hasIdled = this.#connector.isOpen;
    try {
      return await this.#askOnce(ended);
    } catch (error) {
      if (!hasIdled || this.#closed || ended.aborted || !isConnectionLoss(error)) throw error;
      this.#connector.drop();
      return this.#askOnce(ended);
    }
  }

  async #askOnce(ended: AbortSignal): Promise<ProbeResult> {
    const { client, layout } = await this.#connector.get();
    ended.throwIfAborted();
    return this.#subject === undefined
      ? askNode(client, layout)
      : runProbeFunction(this.#subject, client, await askNodeOrRole(client, layout));
  }
}

/** This process may itself have been too busy to read an answer that came in time: timers run before sockets. */
function afterPendingAnswers(act: () => void): void {
  setImmediate(() => setImmediate(act));
}
