/** Where a handler waits until a test lets it go on. */
export class Gate {
  /** Resolves when the handler has come to the gate. */
  readonly reached: Promise<void>;
  readonly #opened: Promise<void>;
  #reach!: () => void;
  #open!: () => void;

  constructor() {
    this.reached = new Promise((resolve) => (this.#reach = resolve));
    this.#opened = new Promise((resolve) => (this.#open = resolve));
  }

  /** For the handler. */
  pass(): Promise<void> {
    this.#reach();
    return this.#opened;
  }

  /** Lets pass who waits, and whoever comes later. */
  open(): void {
    this.#open();
  }
}
