/** The part of a socket that collects what is written. Not every stream that an application gives a driver has it. */
interface CorkableStream {
  cork?(): void;
  uncork?(): void;
}

/** Collects everything that is written to a socket in one turn of the event loop into one packet. */
export class WriteBatch {
  readonly #stream: CorkableStream;
  #isOpen = false;

  constructor(stream: CorkableStream) {
    this.#stream = stream;
  }

  /** Call this before each write. */
  join(): void {
    const stream = this.#stream;
    if (this.#isOpen || stream.cork === undefined || stream.uncork === undefined) return;
    this.#isOpen = true;
    stream.cork();
    process.nextTick(() => {
      this.#isOpen = false;
      stream.uncork?.();
    });
  }
}
