import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { copyTree } from './copy-tree.js';

let folder: string;
const at = (...parts: string[]): string => path.join(folder, ...parts);

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'copy-tree-'));
  mkdirSync(at('from', 'bin'), { recursive: true });
  writeFileSync(at('from', 'bin', 'tool'), 'tool');
  writeFileSync(at('from', 'secret'), 'secret');
  chmodSync(at('from', 'bin', 'tool'), 0o755);
  chmodSync(at('from', 'secret'), 0o600);
  chmodSync(at('from', 'bin'), 0o700);
  symlinkSync('secret', at('from', 'link'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('copyTree()', () => {
  it('copies files, folders and links with their modes', async () => {
    await copyTree(at('from'), at('to'));
    expect(readFileSync(at('to', 'bin', 'tool'), 'utf8')).toBe('tool');
    expect(statSync(at('to', 'secret')).mode & 0o777).toBe(0o600);
    expect(statSync(at('to', 'bin')).mode & 0o777).toBe(0o700);
    expect(lstatSync(at('to', 'link')).isSymbolicLink()).toBe(true);
    expect(statSync(at('to', 'bin', 'tool')).ino).not.toBe(statSync(at('from', 'bin', 'tool')).ino);
  });

  it('leaves out what it is told to, by the path from the top', async () => {
    await copyTree(at('from'), at('to'), { skip: (relative) => relative === 'bin/tool' });
    expect(() => statSync(at('to', 'bin', 'tool'))).toThrow('ENOENT');
    expect(readFileSync(at('to', 'secret'), 'utf8')).toBe('secret');
  });

  it('shares a file that everybody may read, and copies one that must be opened to them', async () => {
    await copyTree(at('from'), at('to'), { shareWithMode: () => 0o444 });
    expect(statSync(at('to', 'bin', 'tool')).ino).toBe(statSync(at('from', 'bin', 'tool')).ino);
    expect(statSync(at('to', 'secret')).mode & 0o777).toBe(0o644);
    expect(statSync(at('from', 'secret')).mode & 0o777).toBe(0o600);
    expect(statSync(at('to', 'bin')).mode & 0o777).toBe(0o755);
  });
});
