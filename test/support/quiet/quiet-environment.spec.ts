import { execFile } from 'node:child_process';
import { describe, expect, it } from '@jest/globals';

const JEST = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  'node_modules/jest/bin/jest.js',
];
const FIXTURE = ['--testMatch', '**/test/support/quiet/noisy.fixture.ts', '--testTimeout', '60000'];
const EVERYWHERE = ['console', 'stdout', 'stderr', 'Nest', 'warning', 'child'];

/** Runs the noisy tests in a Jest of their own; all that it prints. */
async function runNoisyTests(fails: 'nothing' | 'test' | 'afterAll'): Promise<string> {
  return new Promise((resolve) => {
    const env = { ...process.env, NOISY_FAILS: fails, NO_COLOR: '1', SHOW_LOGS: '', NODE_OPTIONS: '' };
    execFile(process.execPath, [...JEST, ...FIXTURE], { env }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
  });
}

function linesOf(output: string, when: string): string[] {
  return EVERYWHERE.filter((what) => output.includes(`${when}: ${what}`));
}

describe('what tests print', () => {
  it('is not shown when they pass', async () => {
    const output = await runNoisyTests('nothing');
    expect(output).toContain('2 passed');
    expect(['before', 'passes', 'may fail', 'after'].flatMap((when) => linesOf(output, when))).toEqual([]);
  });

  it('is shown of the one that fails', async () => {
    const output = await runNoisyTests('test');
    expect(output).toContain('1 failed, 1 passed');
    expect(output).toContain('"may fail" failed; it printed');
    expect(linesOf(output, 'may fail')).toEqual(EVERYWHERE);
    expect(['passes', 'after'].flatMap((when) => linesOf(output, when))).toEqual([]);
  });

  it('is shown of what fails after the last test', async () => {
    const output = await runNoisyTests('afterAll');
    expect(linesOf(output, 'after')).toEqual(EVERYWHERE);
    expect(linesOf(output, 'passes')).toEqual([]);
  });
});
