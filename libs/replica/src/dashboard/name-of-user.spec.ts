import { describe, expect, it } from '@jest/globals';
import { nameOfUser } from './name-of-user.js';

describe('the name of a user in the log', () => {
  it.each([
    [{ username: 'alice', id: 7 }, 'alice'],
    [{ email: 'alice@example.com', sub: 'x' }, 'alice@example.com'],
    [{ userId: 7 }, '7'],
    [{ username: '', sub: 'abc' }, 'abc'],
    ['alice', 'alice'],
    [{ password: 'secret' }, 'somebody'],
    [undefined, 'somebody'],
    [null, 'somebody'],
    [{ username: { first: 'a' } }, 'somebody'],
  ])('of %j is %s', (user, name) => {
    expect(nameOfUser({ user })).toBe(name);
  });

  it('is one short line, and is not there without a request', () => {
    expect(nameOfUser({ user: { name: 'a\n[Nest] ERROR\u202E' } })).toBe('a [Nest] ERROR ');
    expect(nameOfUser({ user: { name: 'x'.repeat(1000) } })).toHaveLength(100);
    expect(nameOfUser(undefined)).toBe('somebody');
  });
});
