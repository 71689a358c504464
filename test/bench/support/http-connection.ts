import { connect, type Socket } from 'node:net';
import { ITEMS, spread } from './items.js';

/** What each request asks for: an item, by a method and a path without the item's number. */
export interface ItemRequest {
  readonly method: 'GET' | 'PATCH';
  readonly path: string;
}

/** So many sessions take part. */
const SESSIONS = 500;

/** One connection that sends a request when the one before was answered. Cheap: the generator shares the machine's processors. */
export class HttpConnection {
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

  static open(port: number): Promise<HttpConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new HttpConnection(socket)));
      socket.once('error', reject);
    });
  }

  /** Resolves when the `n`th request for an item was answered with that item; rejects at any other answer. */
  async askForItem(n: number, { method, path }: ItemRequest): Promise<void> {
    const id = spread(n, ITEMS);
    const body = await this.#ask(
      `${method} ${path}/${id} HTTP/1.1\r\nhost: bench\r\nx-session: s${n % SESSIONS}\r\n\r\n`,
    );
    if ((JSON.parse(body) as { id?: number }).id !== id) throw new Error(`${method} ${path}/${id}: ${body}`);
  }

  close(): void {
    this.#failed = undefined;
    this.#socket.destroy();
  }

  /** Resolves with the body of a response of status 200; rejects with any other. */
  #ask(head: string): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#answered = resolve;
      this.#failed = reject;
      this.#socket.write(head);
    });
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
