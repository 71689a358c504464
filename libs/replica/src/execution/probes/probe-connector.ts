/** One attempt to connect, and what becomes of it. */
export interface ProbeLink<C> {
  /** Resolves when the connection is open and has told what the probe needs to know. */
  readonly ready: Promise<C>;
  /** Ends it, whatever it does. */
  end(): void;
}

/** Begins to connect. It must not throw. `lost` is to be called when the connection is lost, before or after it was open. */
export type OpenProbeLink<C> = (lost: () => void) => ProbeLink<C>;

/** At most this many attempts to connect run at once. A further attempt replaces the oldest. */
const MAX_ATTEMPTS = 2;

/**
 * Makes a probe's one connection. If an attempt outlasts the probe, it continues beside the next attempt, and the first to succeed
 * wins. A slow machine can thus still connect, and an attempt whose packets the network dropped delays nobody.
 */
export class ProbeConnector<C> {
  readonly #openLink: OpenProbeLink<C>;
  #attempts: readonly ProbeLink<C>[] = [];
  #open: { readonly link: ProbeLink<C>; readonly connection: C } | undefined;

  constructor(openLink: OpenProbeLink<C>) {
    this.#openLink = openLink;
  }

  /** Returns the open connection or makes one. Rejects if the attempt that begins now fails. */
  async get(): Promise<C> {
    if (this.#open !== undefined) return this.#open.connection;
    const earlier = this.#attempts.slice(-(MAX_ATTEMPTS - 1));
    for (const attempt of this.#attempts) if (!earlier.includes(attempt)) attempt.end();
    const attempt = this.#connect();
    this.#attempts = [...earlier, attempt];
    return Promise.race([attempt.ready, ...earlier.map(({ ready }) => unlessItFails(ready))]);
  }

  /** Closes a connection that did not answer or is no longer wanted. The next `get()` makes a new one. */
  drop(): void {
    this.#open?.link.end();
    this.#open = undefined;
  }

  /** Closes the connection and ends all attempts. */
  close(): void {
    this.drop();
    for (const attempt of this.#attempts) attempt.end();
    this.#attempts = [];
  }

  #connect(): ProbeLink<C> {
    const link = this.#openLink(() => {
      link.end();
      if (this.#open?.link === link) this.#open = undefined;
    });
    link.ready.then(
      (connection) => {
        if (this.#attempts.includes(link)) this.#take(link, connection);
      },
      () => {
        link.end();
        this.#attempts = this.#attempts.filter((other) => other !== link);
      },
    );
    return link;
  }

  /** Takes the first attempt that succeeds and ends the others. */
  #take(link: ProbeLink<C>, connection: C): void {
    this.#open = { link, connection };
    const others = this.#attempts.filter((other) => other !== link);
    this.#attempts = [];
    for (const other of others) other.end();
  }
}

function unlessItFails<T>(promise: Promise<T>): Promise<T> {
  return promise.catch(() => new Promise<never>(() => undefined));
}
