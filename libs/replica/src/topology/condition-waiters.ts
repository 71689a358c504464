/** Lets callers wait for something to become so. */
export class ConditionWaiters {
  readonly #checks = new Set<() => void>();
  #isEnded = false;

  /** Somebody waits. */
  get areWaiting(): boolean {
    return this.#checks.size > 0;
  }

  /** Resolves as soon as `holds()` or is found to hold by {@link check}, after `timeoutMs`, or at the end. */
  async until(holds: () => boolean, timeoutMs: number): Promise<void> {
    if (this.#isEnded || holds()) return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#checks.delete(check);
        resolve();
      };
      const check = (): void => {
        if (this.#isEnded || holds()) done();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#checks.add(check);
    });
  }

  /** Something has changed: whoever waited for that goes on. */
  check(): void {
    for (const check of this.#checks) check();
  }

  /** Nothing will change any more: lets everybody go. */
  end(): void {
    this.#isEnded = true;
    this.check();
  }
}
