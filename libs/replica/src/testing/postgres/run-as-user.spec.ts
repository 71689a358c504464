import { describe, expect, it } from '@jest/globals';
import { findRunAsUser } from './run-as-user.js';

const ROOT = 'root:x:0:0:root:/root:/bin/bash';
const NOBODY = 'nobody:x:65534:65533:nobody:/nonexistent:/usr/sbin/nologin';
const POSTGRES = 'postgres:x:101:104:PostgreSQL administrator,,,:/var/lib/postgresql:/bin/bash';

describe('instead of root, PostgreSQL runs as', () => {
  it('postgres where there is such a user', () => {
    expect(findRunAsUser([ROOT, NOBODY, POSTGRES, ''].join('\n'))).toEqual({ uid: 101, gid: 104 });
  });

  it('nobody elsewhere', () => {
    expect(findRunAsUser([ROOT, NOBODY].join('\n'))).toEqual({ uid: 65534, gid: 65533 });
  });

  it('no one where there is neither, and says what to do', () => {
    expect(() => findRunAsUser(ROOT)).toThrow(/none of the users postgres, nobody: add one/);
  });
});
