import { seededRandom } from '../../support/random.js';
import { CheckedSession } from './checked-session.js';
import { nowMs } from './clock.js';
import type { Shown } from './versions-app.js';
import { CallFailedError, type VersionsClient } from './versions-client.js';

/** How much is asked of the application. */
export interface LoadShape {
  readonly readers: number;
  readonly writers: number;
  /** Mean pause of each between two calls; milliseconds. */
  readonly thinkMs: number;
  /**
   * Writers pause until so many calls of others have ended since their last one, instead. On a slow machine, too, that leaves the
   * share of writes as it is.
   */
  readonly callsPerWrite?: number;
  /** Every so many readers belong to the session of a writer, as another tab of the same browser does; default 4. */
  readonly sharingReaders?: number;
  /** So long do the reports of every fourth reader take, instead of its plain reads; milliseconds, 0: there are none. */
  readonly reportMs: number;
}

/** One call and what came of it. Instants as of `nowMs()`. */
export interface CallRecord {
  readonly kind: 'read' | 'write';
  readonly startedMs: number;
  readonly endedMs: number;
  /** Who answered; absent when the call failed, and of writes. */
  readonly node?: string;
  /** Why it failed; absent when it did not. */
  readonly code?: string;
  readonly isStale?: boolean;
  readonly wentBack?: boolean;
}

/** How many rows each writer has for itself. */
export const ROWS_PER_WRITER = 4;
const SHARING_READERS = 4;

/**
 * Readers and writers, each one call at a time, who check all that they are shown. A writer reads back each of its writes;
 * a reader that shares its session reads the same rows, the others read any.
 */
export class CheckedLoad {
  readonly calls: CallRecord[] = [];
  readonly #client: VersionsClient;
  readonly #shape: LoadShape;
  readonly #random = seededRandom(1);
  readonly #writers: readonly CheckedSession[];
  readonly #sessions: readonly CheckedSession[];
  readonly #versions = new Map<number, number>();
  #loops: Promise<void>[] = [];
  #paused: readonly { readonly until: number; readonly goOn: () => void }[] = [];
  #visitors = 0;
  #stopped = false;

  /** @param name of this load: begins the keys of its sessions, which must be new to the application */
  constructor(client: VersionsClient, shape: LoadShape, name: string) {
    this.#client = client;
    this.#shape = shape;
    this.#writers = Array.from(
      { length: shape.writers },
      (_, index) => new CheckedSession(`${name}-writer-${index}`),
    );
    const readers = Array.from({ length: shape.readers }, (_, index) =>
      this.#sharesSession(index) ? this.#writerOf(index) : new CheckedSession(`${name}-reader-${index}`),
    );
    this.#sessions = [...this.#writers, ...readers];
  }

  start(): void {
    this.#loops = this.#sessions.map((session, index) => {
      const reader = index - this.#shape.writers;
      const step =
        reader < 0
          ? (): Promise<void> => this.#writeAndReadBack(session, this.#rowOf(index))
          : (): Promise<void> => this.#readSome(session, reader);
      const { callsPerWrite, thinkMs } = this.#shape;
      const think = (): Promise<void> => this.#think(thinkMs);
      const pause =
        reader < 0 && callsPerWrite !== undefined ? (): Promise<void> => this.#others(callsPerWrite) : think;
      return this.#loop(step, pause);
    });
  }

  /** One read of somebody who was never here before. */
  async visit(): Promise<CallRecord> {
    this.#visitors++;
    const writer = Math.floor(this.#random() * this.#writers.length);
    return this.#read(new CheckedSession(`visitor-${this.#visitors}`), this.#rowOf(writer), 0);
  }

  /** Resolves when the last call has ended. */
  async stop(): Promise<void> {
    this.#stopped = true;
    for (const { goOn } of this.#paused) goOn();
    await Promise.all(this.#loops);
  }

  /** See {@link CheckedSession.forgetAbove}; returns how many acknowledged writes are lost. */
  forgetAbove(versions: ReadonlyMap<number, number>): number {
    let lost = 0;
    for (const session of new Set(this.#sessions)) lost += session.forgetAbove(versions);
    return lost;
  }

  async #loop(step: () => Promise<void>, pause: () => Promise<void>): Promise<void> {
    await pause();
    while (!this.#stopped) {
      await step();
      await pause();
    }
  }

  /** Resolves when so many calls have ended, or nobody calls any more. */
  #others(count: number): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    return new Promise((goOn) => {
      this.#paused = [...this.#paused, { until: this.calls.length + count, goOn }];
    });
  }

  #note(call: CallRecord): void {
    this.calls.push(call);
    const done = this.#paused.filter(({ until }) => until <= this.calls.length);
    this.#paused = this.#paused.filter(({ until }) => until > this.calls.length);
    for (const { goOn } of done) goOn();
  }

  #think(meanMs: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, meanMs * (0.5 + this.#random())));
  }

  async #writeAndReadBack(session: CheckedSession, id: number): Promise<void> {
    const version = (this.#versions.get(id) ?? 0) + 1;
    this.#versions.set(id, version);
    const startedMs = nowMs();
    try {
      await this.#client.write(session.key, id, version);
    } catch (error) {
      this.#note({ kind: 'write', startedMs, endedMs: nowMs(), code: codeOf(error) });
      return;
    }
    session.wrote(id, version);
    this.#note({ kind: 'write', startedMs, endedMs: nowMs() });
    await this.#read(session, id, 0);
  }

  async #readSome(session: CheckedSession, reader: number): Promise<void> {
    const writer = this.#sharesSession(reader)
      ? this.#writers.indexOf(session)
      : Math.floor(this.#random() * this.#writers.length);
    const reportMs = reader % 4 === 1 ? this.#shape.reportMs : 0;
    await this.#read(session, this.#rowOf(writer), reportMs);
  }

  async #read(session: CheckedSession, id: number, reportMs: number): Promise<CallRecord> {
    const check = session.reads(id);
    const startedMs = nowMs();
    const call = await this.#ask(session.key, id, reportMs).then(
      (answer) => ({ node: answer.node, ...check(answer) }),
      (error: unknown) => ({ code: codeOf(error) }),
    );
    const record = { kind: 'read', startedMs, endedMs: nowMs(), ...call } as const;
    this.#note(record);
    return record;
  }

  #ask(key: string, id: number, reportMs: number): Promise<Shown> {
    return reportMs > 0 ? this.#client.report(key, id, reportMs) : this.#client.read(key, id);
  }

  get #sharingReaders(): number {
    return this.#shape.sharingReaders ?? SHARING_READERS;
  }

  #sharesSession(reader: number): boolean {
    return reader % this.#sharingReaders === 0;
  }

  #writerOf(reader: number): CheckedSession {
    return this.#writers[(reader / this.#sharingReaders) % this.#writers.length] as CheckedSession;
  }

  /** Some row of a writer, from 1. */
  #rowOf(writer: number): number {
    return writer * ROWS_PER_WRITER + 1 + Math.floor(this.#random() * ROWS_PER_WRITER);
  }
}

function codeOf(error: unknown): string {
  return error instanceof CallFailedError ? error.code : String(error);
}
