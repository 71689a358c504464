import type { DashboardState } from 'nestjs-replica/dashboard';

/** One viewer's connection to `events`. */
export class EventStream {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #decoder = new TextDecoder();
  #text = '';

  private constructor(readonly response: Response) {
    this.#reader = (response.body as ReadableStream<Uint8Array>).getReader();
  }

  static async open(url: string): Promise<EventStream> {
    return new EventStream(await fetch(url));
  }

  /** The next snapshot; `undefined`: the server has ended the stream. */
  async next(): Promise<DashboardState | undefined> {
    for (;;) {
      const match = /^data: (.*)$/m.exec(this.#text.slice(0, this.#text.lastIndexOf('\n\n') + 1));
      if (match !== null) {
        this.#text = this.#text.slice(match.index + match[0].length);
        return JSON.parse(match[1] as string) as DashboardState;
      }
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#text += this.#decoder.decode(value, { stream: true });
    }
  }

  close(): Promise<void> {
    return this.#reader.cancel();
  }
}
