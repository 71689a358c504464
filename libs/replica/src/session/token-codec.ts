import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { SessionState } from './session-state.js';

/** The content of a token: a session's state, in the hands of whoever holds the token. */
export interface TokenContent {
  /** Identifies the session behind the token: 16 hexadecimal digits. */
  readonly id: string;
  readonly state: SessionState;
  /** From then on the token means nothing; milliseconds since the epoch. */
  readonly expiresAtMs: number;
}

/** The layout of the bytes below. */
const VERSION = 2;
const MAC_BYTES = 16;
/** version 1, id 8, position 8, primaryUntilMs 6, unconfirmedUntilMs 6, servedAtMs 6, expiresAtMs 6, length of servedBy 1 */
const HEAD_BYTES = 42;
/** Node names are at most 64 letters. */
const MAX_LETTERS = Math.ceil(((HEAD_BYTES + 64 + MAC_BYTES) * 4) / 3);
const LATEST_MS = 2 ** 48 - 1;

function wholeMs(ms: number): number {
  return Math.min(Math.ceil(ms), LATEST_MS);
}

/**
 * Writes and reads tokens: some 80 letters of base64url, opaque and versioned.
 *
 * The first secret signs tokens (HMAC-SHA256, cut to 128 bits), and a signature by any of the secrets is accepted. So to
 * replace a secret, put the new one first and drop the old one after `ttlMs`. Without secrets a digest only reveals damage.
 * Such tokens belong in places that no client can write to.
 */
export class TokenCodec {
  readonly #secrets: readonly string[];
  readonly #audience: string;

  /** @param audience the data source's name; a token of another audience is not accepted */
  constructor(secrets: readonly string[], audience: string) {
    this.#secrets = secrets;
    this.#audience = audience;
  }

  newId(): string {
    return randomBytes(8).toString('hex');
  }

  encode({ id, state, expiresAtMs }: TokenContent): string {
    const name = Buffer.from(state.servedBy ?? '', 'latin1');
    const body = Buffer.alloc(HEAD_BYTES + name.length);
    body.writeUInt8(VERSION, 0);
    body.write(id, 1, 8, 'hex');
    body.writeBigUInt64BE(state.position ?? 0n, 9);
    body.writeUIntBE(wholeMs(state.primaryUntilMs ?? 0), 17, 6);
    body.writeUIntBE(wholeMs(state.unconfirmedUntilMs ?? 0), 23, 6);
    body.writeUIntBE(wholeMs(state.servedAtMs ?? 0), 29, 6);
    body.writeUIntBE(wholeMs(expiresAtMs), 35, 6);
    body.writeUInt8(name.length, 41);
    name.copy(body, HEAD_BYTES);
    return Buffer.concat([body, this.#mac(body, this.#secrets[0])]).toString('base64url');
  }

  /** `undefined` for anything that this codec did not write: damaged, forged, expired, of another version or audience. */
  decode(token: string, nowMs: number): TokenContent | undefined {
    // The token comes from outside, so it may be of any type.
    if (typeof token !== 'string' || token.length > MAX_LETTERS) return undefined;
    const bytes = Buffer.from(token, 'base64url');
    if (bytes.length < HEAD_BYTES + MAC_BYTES || bytes[0] !== VERSION) return undefined;
    // Several texts decode to the same bytes, and only one of them is what we write.
    if (bytes.toString('base64url') !== token) return undefined;
    const body = bytes.subarray(0, bytes.length - MAC_BYTES);
    if (
      body.length !== HEAD_BYTES + body.readUInt8(41) ||
      !this.#isGenuine(body, bytes.subarray(body.length))
    ) {
      return undefined;
    }
    const expiresAtMs = body.readUIntBE(35, 6);
    if (expiresAtMs <= nowMs) return undefined;
    const servedBy = body.toString('latin1', HEAD_BYTES);
    return {
      id: body.toString('hex', 1, 9),
      expiresAtMs,
      state: {
        position: body.readBigUInt64BE(9) || undefined,
        primaryUntilMs: body.readUIntBE(17, 6),
        unconfirmedUntilMs: body.readUIntBE(23, 6),
        servedBy: servedBy === '' ? undefined : servedBy,
        servedAtMs: servedBy === '' ? undefined : body.readUIntBE(29, 6),
      },
    };
  }

  #isGenuine(body: Buffer, mac: Buffer): boolean {
    const secrets = this.#secrets.length === 0 ? [undefined] : this.#secrets;
    let isGenuine = false;
    for (const secret of secrets) isGenuine = timingSafeEqual(this.#mac(body, secret), mac) || isGenuine;
    return isGenuine;
  }

  #mac(body: Buffer, secret: string | undefined): Buffer {
    const hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret);
    return hash.update(`nestjs-replica:${this.#audience}:`).update(body).digest().subarray(0, MAC_BYTES);
  }
}
