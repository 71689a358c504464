import type { SessionState, SessionStore } from 'nestjs-replica';

/** A session's state as text: positions are 64 bits. */
export function toWire(state: SessionState | undefined): string {
  return JSON.stringify(state ?? null, (_, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
}

export function fromWire(text: string): SessionState {
  return JSON.parse(text, (_, value: unknown) =>
    typeof value === 'string' && /^\d+n$/.test(value) ? BigInt(value.slice(0, -1)) : value,
  ) as SessionState;
}

/** The shared store as an application process sees it. */
export class SharedSessionStore implements SessionStore {
  readonly #url: string;

  constructor(port: number) {
    this.#url = `http://127.0.0.1:${port}/`;
  }

  async load(key: string): Promise<SessionState | undefined> {
    return fromWire(await this.#ask({ key })) ?? undefined;
  }

  async save(key: string, state: SessionState, ttlMs: number): Promise<void> {
    await this.#ask({ key, state: toWire(state), ttlMs });
  }

  async #ask(body: object): Promise<string> {
    const answer = await fetch(this.#url, { method: 'POST', body: JSON.stringify(body) });
    return answer.text();
  }
}
