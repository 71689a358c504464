import { connect, type Socket } from 'node:net';
import { keepBusy } from './support/measure.js';
import { percentile, rounded } from './support/report.js';
import { answerParent } from './support/child.js';
import { ITEMS, spread } from './support/items.js';

/** Requests of one kind, so many at once, each on a connection that it keeps. */
export interface HttpLoad {
  readonly port: number;
  readonly method: 'GET' | 'PATCH';
  /** Without the number of the item, which each request chooses. */
  readonly path: string;
  readonly concurrency: number;
  readonly warmUpMs: number;
  readonly measuredMs: number;
}

export interface HttpMeasured {
  readonly requests: number;
  readonly requestsPerSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** One connection that sends a request when the one before was answered. Cheap: the generator shares the machine's processors. */
class Connection {
  readonly #socket: Socket;
  #text = '';
  #answered: ((body: string) => void) | undefined;
  #failed: ((error: Error) => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8').setNoDelay(true);
    socket.on('data', (text: string) => this.#read(text));
    socket.on('error', (error) => this.#failed?.(error));
    socket.on('close', () => this.#failed?.(new Error('the connection was closed')));
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new Connection(socket)));
      socket.once('error', reject);
    });
  }

  /** Resolves with the body of a response of status 200; rejects with any other. */
  ask(head: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.#socket.write(head);
    });
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  #read(text: string): void {
    this.#text += text;
    const end = this.#text.indexOf('\r\n\r\n');
    if (end < 0) return;
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(this.#text)?.[1]);
    // Items are ASCII: letters are bytes.
    if (this.#text.length < end + 4 + length) return;
    const answer = this.#text;
    this.#text = '';
    if (answer.startsWith('HTTP/1.1 200')) this.#answered?.(answer.slice(end + 4));
    else this.#failed?.(new Error(answer));
  }
}

answerParent(async ({ port, method, path, concurrency, warmUpMs, measuredMs }: HttpLoad) => {
  const connections = await Promise.all(Array.from({ length: concurrency }, () => Connection.open(port)));
  const idle = [...connections];
  const call = async (n: number): Promise<void> => {
    const connection = idle.pop() as Connection;
    const id = spread(n, ITEMS);
    const body = await connection.ask(
      `${method} ${path}/${id} HTTP/1.1\r\nhost: bench\r\nx-session: s${n % 500}\r\n\r\n`,
    );
    if ((JSON.parse(body) as { id?: number }).id !== id) throw new Error(`${method} ${path}/${id}: ${body}`);
    idle.push(connection);
  };
  await keepBusy({ concurrency, call }, { afterMs: warmUpMs });
  process.send?.('warm');
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  const requests = await keepBusy({ concurrency, call }, { afterMs: measuredMs }, (ms) =>
    latenciesMs.push(ms),
  );
  const tookMs = performance.now() - startedMs;
  for (const connection of connections) connection.close();
  const measured: HttpMeasured = {
    requests,
    requestsPerSecond: Math.round((requests * 1000) / tookMs),
    p50Us: rounded(percentile(latenciesMs, 0.5) * 1000, 1),
    p99Us: rounded(percentile(latenciesMs, 0.99) * 1000, 1),
  };
  return measured;
});
