import type { Shown } from './versions-app.js';

/** What was wrong with an answer. */
export interface Verdict {
  /** It lacks a write that was acknowledged to the session before the read began. */
  readonly isStale: boolean;
  /** It is older than what the session had been shown before the read began. */
  readonly wentBack: boolean;
}

/** What a client knows for certain: the versions that it has written and seen, row by row. */
export class CheckedSession {
  readonly key: string;
  readonly #written = new Map<number, number>();
  readonly #seen = new Map<number, number>();

  constructor(key: string) {
    this.key = key;
  }

  /** A write was acknowledged. */
  wrote(id: number, version: number): void {
    raise(this.#written, id, version);
  }

  /** A read begins; call what is returned with its answer. Reads of one session may overlap. */
  reads(id: number): (answer: Shown) => Verdict {
    const written = this.#written.get(id) ?? 0;
    const seen = this.#seen.get(id) ?? 0;
    return ({ version }) => {
      const isStale = version < Math.min(written, this.#written.get(id) ?? 0);
      const wentBack = version < Math.min(seen, this.#seen.get(id) ?? 0);
      raise(this.#seen, id, version);
      return { isStale, wentBack };
    };
  }

  /**
   * The primary was lost with what it had not yet sent: whatever is above these versions never was. Returns how many
   * acknowledged versions that takes.
   */
  forgetAbove(versions: ReadonlyMap<number, number>): number {
    let lost = 0;
    for (const [id, kept] of versions) {
      lost += Math.max(0, (this.#written.get(id) ?? 0) - kept);
      for (const known of [this.#written, this.#seen]) known.set(id, Math.min(known.get(id) ?? 0, kept));
    }
    return lost;
  }
}

function raise(versions: Map<number, number>, id: number, version: number): void {
  versions.set(id, Math.max(version, versions.get(id) ?? 0));
}
