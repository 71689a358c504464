import { describe, expect, it } from '@jest/globals';
import { createHmac, randomBytes } from 'node:crypto';
import { TokenCodec, type TokenContent } from './token-codec.js';

const NOW = 1_800_000_000_000;
const OLD = 'an old secret of at least 32 letters';
const NEW = 'a new secret of at least 32 letters.';

const codec = new TokenCodec([NEW], 'default');
const content: TokenContent = {
  id: '0123456789abcdef',
  state: {
    position: 0x16_b374_8000n,
    primaryUntilMs: 0,
    unconfirmedUntilMs: 0,
    servedBy: 'replica-1',
    servedAtMs: NOW - 5,
  },
  expiresAtMs: NOW + 30_000,
};
const token = codec.encode(content);

describe('a token', () => {
  it.each([
    content,
    { ...content, state: { primaryUntilMs: 0, unconfirmedUntilMs: 0 } },
    {
      ...content,
      state: { position: 2n ** 64n - 1n, primaryUntilMs: 2 ** 48 - 1, unconfirmedUntilMs: 2 ** 48 - 1 },
    },
    {
      ...content,
      state: {
        position: 1n,
        primaryUntilMs: 1,
        unconfirmedUntilMs: 2,
        servedBy: 'x'.repeat(64),
        servedAtMs: 1,
      },
    },
  ])('comes back as it was: %#', (one) => {
    expect(codec.decode(codec.encode(one), NOW)).toEqual(one);
  });

  it('has fewer than 100 letters, which may stand in a cookie, a header or a URL', () => {
    const usual = codec.encode({ ...content, state: { position: 0x16_b374_8000n } });
    expect({ usual: usual.length, moved: token.length }).toEqual({ usual: 78, moved: 90 });
    expect(usual).toMatch(/^[\w-]+$/);
  });

  it('does not show the letters of the secret, and differs for each id', () => {
    expect(Buffer.from(token, 'base64url').toString('latin1')).not.toContain(NEW.slice(0, 8));
    const ids = new Set(Array.from({ length: 1_000 }, () => codec.newId()));
    expect(ids.size).toBe(1_000);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f]{16}$/);
  });

  it('is refused with any bit of any byte changed', () => {
    const bytes = Buffer.from(token, 'base64url');
    for (let index = 0; index < 8 * bytes.length; index++) {
      const damaged = Buffer.from(bytes);
      damaged[index >> 3] = (damaged[index >> 3] as number) ^ (1 << (index & 7));
      expect([index, codec.decode(damaged.toString('base64url'), NOW)]).toEqual([index, undefined]);
    }
  });

  it('is refused with any letter changed, though it may stand for the same bytes', () => {
    const usual = codec.encode({ ...content, state: {} });
    const accepted: string[] = [];
    for (const one of [token, usual]) {
      for (let index = 0; index < one.length; index++) {
        for (const letter of 'AQgwBhx-_ =+/%ä\u0000') {
          if (one[index] === letter) continue;
          const damaged = one.slice(0, index) + letter + one.slice(index + 1);
          if (codec.decode(damaged, NOW) !== undefined) accepted.push(damaged);
        }
      }
    }
    expect(accepted).toEqual([]);
  });

  it('is refused cut off anywhere, and with anything behind or before it', () => {
    for (let length = 0; length < token.length; length++) {
      expect(codec.decode(token.slice(0, length), NOW)).toBeUndefined();
      expect(codec.decode(token.slice(token.length - length), NOW)).toBeUndefined();
    }
    for (const other of [`${token}A`, `${token}=`, ` ${token}`, `${token}\n`, token + token, `"${token}"`]) {
      expect(codec.decode(other, NOW)).toBeUndefined();
    }
  });

  it('is refused with a MAC of the wrong kind, and with none', () => {
    const body = Buffer.from(token, 'base64url').subarray(0, -16);
    const forged = [
      Buffer.alloc(16),
      createHmac('sha256', '').update(body).digest().subarray(0, 16),
      createHmac('sha256', NEW).update(body).digest().subarray(0, 16),
      Buffer.alloc(0),
    ];
    for (const mac of forged) {
      expect(codec.decode(Buffer.concat([body, mac]).toString('base64url'), NOW)).toBeUndefined();
    }
    expect(codec.decode(new TokenCodec([], 'default').encode(content), NOW)).toBeUndefined();
  });

  it('is refused by another data source, by another version, and when its time is over', () => {
    expect(new TokenCodec([NEW], 'reports').decode(token, NOW)).toBeUndefined();
    const bytes = Buffer.from(token, 'base64url');
    for (const version of [0, 1, 255]) {
      bytes[0] = version;
      const body = bytes.subarray(0, -16);
      const mac = createHmac('sha256', NEW).update('nestjs-replica:default:').update(body).digest();
      const other = Buffer.concat([body, mac.subarray(0, 16)]).toString('base64url');
      expect(codec.decode(other, NOW)).toBeUndefined();
    }
    expect(codec.decode(token, NOW + 29_999)).toBeDefined();
    expect(codec.decode(token, NOW + 30_000)).toBeUndefined();
  });

  it('is accepted while its secret is in the list, whatever its place, and written with the first', () => {
    const before = new TokenCodec([OLD], 'default').encode(content);
    const during = new TokenCodec([NEW, OLD], 'default');
    expect(during.decode(before, NOW)).toEqual(content);
    expect(during.encode(content)).toBe(token);
    expect(codec.decode(before, NOW)).toBeUndefined();
    expect(new TokenCodec([OLD, NEW], 'default').decode(token, NOW)).toEqual(content);
  });

  it('without secrets shows damage, and is not taken for a signed one', () => {
    const unsigned = new TokenCodec([], 'default');
    const open = unsigned.encode(content);
    expect(unsigned.decode(open, NOW)).toEqual(content);
    expect(unsigned.decode(`B${open.slice(1)}`, NOW)).toBeUndefined();
    expect(unsigned.decode(token, NOW)).toBeUndefined();
  });

  it('never throws, whatever it is given', () => {
    const strange: unknown[] = [
      undefined,
      null,
      5,
      {},
      [],
      [token],
      true,
      Symbol.iterator,
      '',
      '=',
      'ä',
      '\uD800',
    ];
    for (const one of strange) expect(codec.decode(one as string, NOW)).toBeUndefined();
    const accepted: string[] = [];
    for (let round = 0; round < 20_000; round++) {
      const bytes = randomBytes(round % 130);
      bytes[0] = 1;
      if (bytes.length > 41) bytes[41] = Math.max(0, bytes.length - 58);
      const text = bytes.toString(round % 2 === 0 ? 'base64url' : 'latin1');
      if (codec.decode(text, NOW) !== undefined) accepted.push(text);
    }
    expect(accepted).toEqual([]);
  });

  it('can be written for any time', () => {
    const far = codec.encode({ ...content, state: { primaryUntilMs: 1.5 }, expiresAtMs: Number.MAX_VALUE });
    expect(codec.decode(far, NOW)).toMatchObject({ state: { primaryUntilMs: 2 }, expiresAtMs: 2 ** 48 - 1 });
  });
});
