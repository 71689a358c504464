import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Watchdog } from './watchdog.js';

let folder: string;
let sleepers: ChildProcess[];

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'watchdog-'));
  sleepers = [];
});
afterEach(() => {
  for (const sleeper of sleepers) sleeper.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function sleep(): { pid: number; ended: Promise<NodeJS.Signals | null> } {
  const sleeper = spawn('sleep', ['60'], { stdio: 'ignore' });
  sleepers.push(sleeper);
  const ended = new Promise<NodeJS.Signals | null>((resolve) => {
    sleeper.once('exit', (_code, signal) => resolve(signal));
  });
  return { pid: sleeper.pid ?? 0, ended };
}

/** A process and its child, which share the output that closes when both have ended. */
function sleepInGroup(): { pid: number; ended: Promise<NodeJS.Signals | null> } {
  const leader = spawn('sh', ['-c', 'sleep 60 & wait'], {
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  sleepers.push(leader);
  const ended = new Promise<NodeJS.Signals | null>((resolve) => {
    leader.once('close', (_code, signal) => resolve(signal));
  });
  return { pid: leader.pid ?? 0, ended };
}

describe('a watchdog that is dismissed', () => {
  it('ends what has not ended, and removes what was not removed', async () => {
    const [server, setup, group] = [sleep(), sleep(), sleepInGroup()];
    const watchdog = new Watchdog(folder);
    watchdog.own(server.pid, 'postgres');
    watchdog.own(setup.pid, 'initdb');
    watchdog.own(group.pid, 'group');
    await watchdog.dismiss();
    expect(await Promise.all([server.ended, setup.ended, group.ended])).toEqual([
      'SIGQUIT',
      'SIGKILL',
      'SIGKILL',
    ]);
    expect(existsSync(folder)).toBe(false);
  });

  it('leaves alone whatever has the number of a process that has ended', async () => {
    const [first, second, third] = [sleep(), sleep(), sleep()];
    const watchdog = new Watchdog(folder);
    for (const { pid } of [first, second, third]) watchdog.own(pid, 'postgres');
    watchdog.disown(second.pid);
    await watchdog.dismiss();
    expect(await Promise.all([first.ended, third.ended])).toEqual(['SIGQUIT', 'SIGQUIT']);
    expect(() => process.kill(second.pid, 0)).not.toThrow();
  });
});
