import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Undoes what a benchmark has made: the last thing first, each once, even if some of it fails. */
export class CleanUp {
  readonly #tasks: (() => unknown)[] = [];
  #running: Promise<void> | undefined;

  add(task: () => unknown): void {
    this.#tasks.push(task);
  }

  run(): Promise<void> {
    this.#running ??= this.#runOnce();
    return this.#running;
  }

  async #runOnce(): Promise<void> {
    for (const task of this.#tasks.toReversed()) {
      try {
        await task();
      } catch (error) {
        process.stderr.write(`could not clean up: ${String(error)}\n`);
        process.exitCode = 1;
      }
    }
  }
}

/** Runs a benchmark and cleans up after it, even if it fails or is interrupted. Then the process ends with that signal's code. */
export async function withCleanUp(work: (cleanUp: CleanUp) => Promise<void>): Promise<void> {
  const cleanUp = new CleanUp();
  let isInterrupted = false;
  for (const signal of SIGNALS) {
    process.on(signal, () => {
      isInterrupted = true;
      void cleanUp.run().finally(() => process.exit(128 + constants.signals[signal]));
    });
  }
  try {
    await work(cleanUp);
  } catch (error) {
    // Failures because the servers are gone are no news.
    if (!isInterrupted) throw error;
  } finally {
    await cleanUp.run();
  }
}
