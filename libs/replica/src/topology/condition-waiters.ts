/** Lets callers wait until a condition holds. */
export class ConditionWaiters {
  readonly #checks = new Set<() => void>();
  #isEnded = false;

  /** Resolves once `holds()` is true, which {@link check} looks at; after `timeoutMs`; or at the end. */
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

  /** Something has changed: checks every condition, and resolves those that hold. */
  check(): void {
    for (const check of this.#checks) check();
  }

  /** Nothing will change any more: resolves everything. */
  end(): void {
    this.#isEnded = true;
    this.check();
  }
}
