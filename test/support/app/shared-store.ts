import { MemorySessionStore, type SessionState, type SessionStore } from 'nestjs-replica';
import { setTimeout as delay } from 'node:timers/promises';

/** As a store that several processes reach over the network: it answers later, and cannot announce a save. */
export class SharedStore implements SessionStore {
  readonly #memory = new MemorySessionStore();
  readonly #delayMs: number;

  constructor({ delayMs = 0 } = {}) {
    this.#delayMs = delayMs;
  }

  async load(key: string): Promise<SessionState | undefined> {
    await delay(this.#delayMs);
    return this.#memory.load(key);
  }

  async save(key: string, state: SessionState, ttlMs: number): Promise<void> {
    await delay(this.#delayMs);
    this.#memory.save(key, state, ttlMs);
  }
}
