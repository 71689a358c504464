/** Makes spans of a router's statements, and keeps others from making more of them. Its methods must not throw. */
export interface Tracer {
  /**
   * Calls the driver for a statement that has its span, or runs what belongs to no statement of the application, such as a probe.
   * Instrumentation of the driver is not to make spans of it.
   */
  quietly<T>(fn: () => T): T;
  /** Calls listeners of the application outside any span, even from within {@link quietly}. */
  apart<T>(fn: () => T): T;
  /** A caller who found no idle connection to the node got one, or gave up, after this time. */
  waited(node: string, waitedMs: number): void;
  /** Another tracer takes its place. */
  end(): void;
}

/** Holds the tracer of a router, if there is one. It may come and go at any time. */
export class Tracing {
  tracer: Tracer | undefined;

  quietly<T>(fn: () => T): T {
    return this.tracer === undefined ? fn() : this.tracer.quietly(fn);
  }

  apart<T>(fn: () => T): T {
    return this.tracer === undefined ? fn() : this.tracer.apart(fn);
  }
}
