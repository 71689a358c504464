import http, { type IncomingMessage } from 'node:http';
import http2 from 'node:http2';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

/** What came. */
export interface Received {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly trailers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** One client: sends back what it was given, as browsers and good API clients do. */
export class Browser {
  readonly #origin: URL;
  readonly #http2: http2.ClientHttp2Session | undefined;
  readonly #headers: Record<string, string>;

  constructor(origin: string, session: string, isHttp2: boolean) {
    this.#origin = new URL(origin);
    this.#headers = { 'x-session': session, 'accept-encoding': 'gzip' };
    this.#http2 = isHttp2 ? http2.connect(this.#origin) : undefined;
  }

  async request(path: string, method = 'GET'): Promise<Received> {
    if (this.#http2 !== undefined) return this.#byHttp2(this.#http2, path, method);
    const answer = await this.begin(path, method);
    return this.#received(
      answer.statusCode ?? 0,
      answer.headers,
      await buffer(answer),
      () => answer.trailers,
    );
  }

  /** Resolves when the headers are there; nothing of the body is read. */
  begin(path: string, method = 'GET'): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
      const request = http.request(new URL(path, this.#origin), {
        method,
        headers: this.#headers,
        agent: false,
      });
      request.once('response', (answer) => {
        this.#keep(answer.headers);
        resolve(answer);
      });
      request.once('error', reject);
      request.end();
    });
  }

  close(): void {
    this.#http2?.close();
  }

  async #byHttp2(session: http2.ClientHttp2Session, path: string, method: string): Promise<Received> {
    const stream = session.request({ ':path': path, ':method': method, ...this.#headers });
    let trailers = {};
    stream.once('trailers', (came) => (trailers = came));
    const headers = await new Promise<http2.IncomingHttpHeaders>((resolve, reject) => {
      stream.once('response', resolve);
      stream.once('error', reject);
    });
    this.#keep(headers);
    return this.#received(Number(headers[':status']), headers, await buffer(stream), () => trailers);
  }

  #received(
    status: number,
    headers: Received['headers'],
    bytes: Buffer,
    trailers: () => Received['trailers'],
  ): Received {
    const body = headers['content-encoding'] === 'gzip' && bytes.length > 0 ? gunzipSync(bytes) : bytes;
    return { status, headers, trailers: trailers(), body: body.toString() };
  }

  #keep(headers: Readonly<Record<string, unknown>>): void {
    const [cookie] = (headers['set-cookie'] as string[] | undefined) ?? [];
    if (cookie !== undefined) this.#headers.cookie = cookie.split(';')[0] ?? '';
    const token = headers['x-replica-token'];
    if (typeof token === 'string') this.#headers['x-replica-token'] = token;
  }
}
