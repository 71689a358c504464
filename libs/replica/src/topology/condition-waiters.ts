/** Lets callers wait for something to become so. */
export class ConditionWaiters {
  readonly #checks = new Set<() => void>();

  /** Somebody waits. */
  get areWaiting(): boolean {
    return this.#checks.size > 0;
  }

  /** Resolves as soon as `holds()`, or is found to hold by {@link check}; at the latest after `timeoutMs`. */
  async until(holds: () => boolean, timeoutMs: number): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#checks.delete(check);
        resolve();
      };
      const check = (): void => {
        if (holds()) done();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#checks.add(check);
    });
  }

  /** Something has changed: whoever waited for that goes on. */
  check(): void {
    for (const check of this.#checks) check();
  }
}
