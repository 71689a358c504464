import { setTimeout as sleep } from 'node:timers/promises';
import type { Course } from './course.js';
import type { Operation } from './history.js';
import type { Recorder } from './recorder.js';

export const PROCESSES = 2;
/** Registers are numbered from 1. */
export const KEYS = 10;

const REPLICAS = ['replica-1', 'replica-2'] as const;

/** Ways in which a session is told of a register by other means than a read. */
const TOLD = ['/rolled-back', '/raised', '/get-or-create'] as const;

/** What is left out of a session, and what is part of it. */
export interface ClientOptions {
  /** Some reads may come from the result cache. */
  readonly hasCache?: boolean;
  /** It reads and writes, and nothing else. */
  readonly isPlain?: boolean;
}

/** One session: what it does with its registers, on any process. */
export class SessionClient {
  readonly #recorder: Recorder;
  readonly #session: number;
  readonly #hasCache: boolean;
  /** The register that it writes, and another one. */
  readonly own: number;
  readonly other: number;
  /** It only reads, after one write: a token is given with that. */
  readonly isReader: boolean;
  readonly isPlain: boolean;

  constructor(recorder: Recorder, session: number, { hasCache = false, isPlain = false }: ClientOptions) {
    this.isPlain = isPlain;
    this.#recorder = recorder;
    this.#session = session;
    this.#hasCache = hasCache;
    this.own = 1 + (session % KEYS);
    this.other = 1 + (this.own % KEYS);
    this.isReader = session % 4 === 3;
  }

  read(key: number, process: number, how = ''): Promise<number | undefined> {
    return this.#call('read', { key, process, how });
  }

  write(key: number, process: number, how = ''): Promise<number | undefined> {
    return this.#call('write', { key, process, how });
  }

  /** A PUT that writes nothing that lasts. */
  async told(key: number, process: number, how: string): Promise<void> {
    await this.#recorder.call({ session: this.#session, kind: 'read', method: 'PUT', key, process, how });
  }

  /** Two requests at once, one of which takes the session to a certain replica. */
  async readTwice(process: number, replica: string): Promise<void> {
    await Promise.all([this.read(this.own, process), this.read(this.own, process + 1, `/on/${replica}`)]);
    await this.read(this.own, process);
  }

  /** A read, then a write if nobody was faster. */
  async lock(process: number): Promise<void> {
    const version = await this.read(this.own, process);
    if (version !== undefined) await this.write(this.own, process + 1, `/lock/${version}`);
    await this.read(this.own, process);
  }

  /** Reads by the way that the run is about. */
  readAny(key: number, process: number, isCached: boolean): Promise<number | undefined> {
    return this.read(key, process, this.#hasCache && isCached ? '/cached' : '');
  }

  #call(
    kind: Operation['kind'],
    { key, process, how }: { key: number; process: number; how: string },
  ): Promise<number | undefined> {
    return this.#recorder.call({ session: this.#session, kind, key, process, how });
  }
}

/** What a session does until the run is over; one in four only reads. */
export async function runSession(client: SessionClient, course: Course, random: () => number): Promise<void> {
  const { own, other, isReader, isPlain } = client;
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  if (!isPlain) await client.write(own, 0);
  while (!course.isOver) {
    const process = Math.floor(random() * PROCESSES);
    const dice = isReader ? 0.4 + random() * 0.6 : random();
    if (dice < 0.07) {
      await Promise.all([client.write(own, process), client.write(other, process + 1)]);
      await client.read(own, process);
      await client.read(other, process);
    } else if (dice < 0.2) {
      await client.write(own, process, pick(['', '/stream']));
      await client.read(own, process + 1);
    } else if (dice < 0.3 && !isPlain) {
      await client.told(own, process, pick(TOLD));
      await client.read(own, process + 1);
    } else if (dice < 0.4 && !isPlain) {
      await client.lock(process);
    } else if (dice < 0.5 && !isPlain) {
      await client.readTwice(process, pick(REPLICAS));
    } else {
      await client.readAny(dice < 0.7 ? own : pick([own, other, 1, 5, KEYS]), process, random() < 0.5);
    }
    await sleep(random() * 50);
  }
}
