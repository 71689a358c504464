/** Messages of the server, as `pg` passes them to the query that runs. */
interface CopyData {
  readonly chunk: Buffer;
}

/** Runs `COPY ... TO STDOUT` on a connection and keeps what comes, as libraries for COPY do. */
export class CopyOut {
  readonly text: string;
  /** All that the server sent; rejects with its error. */
  readonly content: Promise<string>;
  readonly #chunks: Buffer[] = [];
  #resolve!: (content: string) => void;
  #reject!: (error: unknown) => void;

  constructor(text: string) {
    this.text = text;
    this.content = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  submit(connection: { query(text: string): void }): void {
    connection.query(this.text);
  }

  handleCopyData({ chunk }: CopyData): void {
    this.#chunks.push(chunk);
  }

  handleError(error: unknown): void {
    this.#reject(error);
  }

  handleReadyForQuery(): void {
    this.#resolve(Buffer.concat(this.#chunks).toString());
  }

  handleCommandComplete(): void {}
}
