import type { ServerResponse } from 'node:http';
import { types } from 'node:util';
import type { RequestContext } from '../context/request-context.js';
import { SentPretence } from './sent-pretence.js';

/** Node's response, which Express extends and Fastify wraps. With HTTP/2 it is the compatible one. */
export type RawResponse = ServerResponse;

/** The call that sends something. `head`: headers only. */
export type SendKind = 'head' | 'write' | 'end';

type Send = (...args: unknown[]) => unknown;
type Listener = (...args: unknown[]) => void;

/** A call that is held back until earlier writes are saved. */
interface HeldSend {
  readonly send: () => unknown;
  isReady: boolean;
}

/** The buffer of a response that does not tell its size; bytes. */
const HIGH_WATER_MARK_BYTES = 16_384;

/**
 * Holds back the calls that send an answer, in their order, until everything that the request wrote before them is
 * saved to its session. In the meantime the response looks as if they had been made, so that nobody begins a second
 * answer.
 *
 * It may stand above or below others that wrap the response, such as compression.
 */
export class HeldAnswer {
  readonly #response: RawResponse;
  readonly #request: RequestContext;
  readonly #held: HeldSend[] = [];
  readonly #pretence: SentPretence;
  #isEndHeld = false;
  #heldBytes = 0;
  #needsDrain = false;
  #isPassing = false;
  #sending: SendKind = 'head';
  /** Listeners for `drain`, if another wrapper keeps them from the response itself. */
  #redirected: Set<Listener> | undefined;

  constructor(response: RawResponse, request: RequestContext) {
    this.#response = response;
    this.#request = request;
    this.#pretence = new SentPretence(response);
    this.#wrap();
  }

  /** The call that is being made. It tells how the headers leave. */
  get sending(): SendKind {
    return this.#sending;
  }

  #wrap(): void {
    const response = this.#response as unknown as Record<string, Send>;
    const { write, end, flushHeaders } = response as { write: Send; end: Send; flushHeaders?: Send };
    // oxlint-disable-next-line typescript/no-this-alias -- the functions below have the response as theirs
    const held = this;
    response.write = function (...args) {
      if (!isChunk(args[0])) return write.apply(this, args);
      if (held.#passes()) return held.#pass('write', write, this, args);
      return held.#hold(() => held.#pass('write', write, this, args), sizeOf(args[0]));
    };
    response.end = function (...args) {
      if (!isLastChunk(args[0])) return end.apply(this, args);
      if (held.#passes()) return held.#pass('end', end, this, args);
      held.#hold(() => held.#pass('end', end, this, args), 0);
      held.#isEndHeld = true;
      held.#pretence.ended();
      return this;
    };
    if (flushHeaders !== undefined) response.flushHeaders = this.#holding('head', flushHeaders);
    if ('stream' in response) this.#holdHead(response as { writeHead: Send });
    if (Object.hasOwn(response, 'flush') && typeof response.flush === 'function')
      response.flush = this.#holding('write', response.flush);
    if (Object.hasOwn(response, 'on')) this.#watchDrains(response as { on: Send });
  }

  /** With HTTP/2, `writeHead()` sends the headers at once. They are the whole answer if there is no body. */
  #holdHead(response: { writeHead: Send }): void {
    const writeHead = this.#holding('head', response.writeHead);
    response.writeHead = function (...args) {
      writeHead.apply(this, args);
      return this;
    };
  }

  #holding(sending: SendKind, send: Send): Send {
    // oxlint-disable-next-line typescript/no-this-alias -- as above
    const held = this;
    return function (this: unknown, ...args) {
      if (held.#passes()) return held.#pass(sending, send, this, args);
      held.#hold(() => held.#pass(sending, send, this, args), 0);
      return undefined;
    };
  }

  /** Another wrapper has replaced `on`: compression gives listeners for `drain` to its own stream. */
  #watchDrains(response: { on: Send }): void {
    const { on } = response;
    const waiting = new Set<Listener>();
    this.#redirected = waiting;
    response.on = function (...args) {
      if (args[0] === 'drain') waiting.add(args[1] as Listener);
      return on.apply(this, args);
    };
  }

  /** Calls inside a call pass with it: `end()` of HTTP/2 calls `write()`. */
  #passes(): boolean {
    return this.#isPassing || (this.#held.length === 0 && mayLeave(this.#request));
  }

  #pass(sending: SendKind, send: Send, response: unknown, args: unknown[]): unknown {
    if (this.#isPassing) return send.apply(response, args);
    this.#isPassing = true;
    this.#sending = sending;
    try {
      return send.apply(response, args);
    } finally {
      this.#isPassing = false;
      this.#sending = 'head';
      if (sending === 'end') this.#request.answered();
    }
  }

  /** Returns what `write()` returns: whether there is room for more, as without us. */
  #hold(send: () => unknown, bytes: number): boolean {
    const one: HeldSend = { send, isReady: false };
    this.#held.push(one);
    this.#pretence.headersLeft();
    const release = (): void => {
      one.isReady = true;
      this.#release();
    };
    this.#request.mayAnswer().then(release, (error: Error) => this.#giveUp(error));
    this.#heldBytes += bytes;
    const isFull = this.#heldBytes >= (this.#response.writableHighWaterMark ?? HIGH_WATER_MARK_BYTES);
    this.#needsDrain ||= isFull;
    return !isFull && !this.#isEndHeld;
  }

  #release(): void {
    let result: unknown;
    let isEmpty = false;
    try {
      while (this.#held[0]?.isReady === true) {
        this.#pretence.stop();
        result = this.#held[0].send();
        this.#held.shift();
        isEmpty = this.#held.length === 0;
      }
    } catch (error) {
      this.#giveUp(error as Error);
      return;
    }
    if (isEmpty) this.#tellRoom(result !== false);
  }

  /** The client gets no answer, which tells it more than a wrong one. */
  #giveUp(error: Error): void {
    this.#held.length = 0;
    this.#response.destroy(error);
  }

  /** `hasRoom`: the response can take more. Otherwise it emits `drain` itself. */
  #tellRoom(hasRoom: boolean): void {
    const isAwaited = this.#needsDrain;
    this.#heldBytes = 0;
    this.#needsDrain = false;
    if (!isAwaited || !hasRoom || this.#response.writableEnded) return;
    this.#response.emit('drain');
    for (const listener of this.#redirected ?? []) listener.call(this.#response);
  }
}

function mayLeave(request: RequestContext): boolean {
  try {
    return request.tryAnswer();
  } catch {
    // The failure was reported. An answer that never comes would help nobody.
    return true;
  }
}

/** Node refuses anything else at once, and sends nothing of it: that need not wait. */
function isChunk(value: unknown): boolean {
  return typeof value === 'string' || types.isUint8Array(value);
}

function isLastChunk(value: unknown): boolean {
  return !value || typeof value === 'function' || isChunk(value);
}

function sizeOf(chunk: unknown): number {
  if (typeof chunk === 'string') return chunk.length;
  return ArrayBuffer.isView(chunk) ? chunk.byteLength : 0;
}
