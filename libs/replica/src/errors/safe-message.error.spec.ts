import { readFileSync } from 'node:fs';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import { kindOfFailure, SafeMessageError } from './safe-message.error.js';

const caught = (fn: () => unknown): unknown => {
  try {
    return fn();
  } catch (error) {
    return error;
  }
};

/** As libraries made errors before there were classes. */
function OldError(this: Error): void {
  this.name = 'OldError';
}
OldError.prototype = Object.create(Error.prototype) as Error;

describe('kindOfFailure', () => {
  it.each([
    ['an error of this realm', new RangeError('secret'), 'RangeError'],
    ["Node's own error", caught(() => readFileSync('/does/not/exist/secret')), 'Error ENOENT'],
    [
      'an error of a vm context, with a code',
      runInNewContext(`Object.assign(new TypeError('secret'), { code: 'E_VAULT' })`),
      'TypeError E_VAULT',
    ],
    [
      'an error without a class',
      Object.create(OldError.prototype, { name: { value: 'OldError' } }),
      'OldError',
    ],
  ])('tells class and code of %s', (_, error, kind) => {
    expect(kindOfFailure(error)).toBe(
      `it failed with ${kind}, whose message is not shown: it may hold a credential`,
    );
  });

  it("tells the library's own words, and of what is no error its type", () => {
    expect(kindOfFailure(new SafeMessageError('no answer within 5 ms'))).toBe('no answer within 5 ms');
    expect(kindOfFailure('postgres://u:secret@h/d')).toBe('it threw a value of type string');
    expect(kindOfFailure({ message: 'secret' })).toBe('it threw a value of type object');
    expect(kindOfFailure(null)).toBe('it threw null');
  });
});
