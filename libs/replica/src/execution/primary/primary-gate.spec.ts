import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { NodeHealth, NodeSnapshot, Topology } from '../../topology/topology.js';
import { NodeUnavailableError } from '../../errors/node-unavailable.error.js';
import { PrimaryGate } from './primary-gate.js';

const REFUSAL = new NodeUnavailableError('primary', 'db:5432', new Error('connect ECONNREFUSED'));

interface Scene {
  readonly gate: PrimaryGate;
  primary: NodeSnapshot;
  isSilent: boolean;
  hasFailed: boolean;
  isStandby: boolean;
  /** How long each request asked the monitor to hurry, in milliseconds. */
  readonly hurries: number[];
  health(health: NodeHealth, name?: string): void;
}

function sceneOf(waitMs: number): Scene {
  const scene: Scene = {
    primary: { name: 'primary', role: 'primary', address: 'db:5432', health: 'up', weight: 1 },
    isSilent: false,
    hasFailed: false,
    isStandby: false,
    hurries: [],
    gate: new PrimaryGate({
      monitor: {
        get topology(): Topology {
          return { version: 1, primary: scene.primary, replicas: [], homes: [] };
        },
        waitForPrimary: (timeoutMs) => {
          scene.hurries.push(timeoutMs);
          return Promise.resolve(true);
        },
      },
      probes: {
        isSilent: () => scene.isSilent,
        isStandby: () => scene.isStandby,
        hasFailed: () => scene.hasFailed,
      },
      waitMs,
      nowMs: () => Date.now(),
    }),
    health: (health, name = 'primary') => {
      scene.primary = {
        ...scene.primary,
        name,
        health,
        problem: health === 'down' ? 'no answer' : undefined,
      };
      scene.gate.changed();
    },
  };
  return scene;
}

/** The outcome of the promise so far. */
function follow(promise: Promise<void>): { outcome: unknown } {
  const told: { outcome: unknown } = { outcome: 'waits' };
  promise.then(
    () => (told.outcome = 'open'),
    (error: unknown) => (told.outcome = error),
  );
  return told;
}

describe('PrimaryGate', () => {
  beforeEach(() => void jest.useFakeTimers({ now: Date.parse('2030-01-02T03:04:05.000Z') }));
  afterEach(() => void jest.useRealTimers());

  it('stays open when the monitor alone finds the primary down', () => {
    const scene = sceneOf(0);
    scene.hasFailed = true;
    scene.health('down');
    expect(scene.gate.isClosed).toBe(false);
  });

  it('stays open when one statement got no connection and the probes succeed', () => {
    const scene = sceneOf(0);
    scene.gate.refused('primary', REFUSAL);
    expect(scene.gate.isClosed).toBe(false);
  });

  it('closes for a moment after a statement and a probe have failed, then lets a statement try again', () => {
    const scene = sceneOf(0);
    scene.hasFailed = true;
    scene.gate.refused('primary', REFUSAL);
    expect(scene.gate.isClosed).toBe(true);
    jest.advanceTimersByTime(99);
    expect(scene.gate.isClosed).toBe(true);
    jest.advanceTimersByTime(1);
    expect(scene.gate.isClosed).toBe(false);
  });

  it('does not close for a new primary because of failures of the old one', () => {
    const scene = sceneOf(0);
    scene.hasFailed = true;
    scene.gate.refused('primary', REFUSAL);
    scene.primary = { ...scene.primary, name: 'replica-1' };
    expect(scene.gate.isClosed).toBe(false);
  });

  it('is closed while the primary is silent', () => {
    const scene = sceneOf(0);
    scene.isSilent = true;
    expect(scene.gate.isClosed).toBe(true);
  });

  it('is closed while the primary says that it is a standby', () => {
    const scene = sceneOf(0);
    scene.isStandby = true;
    expect(scene.gate.isClosed).toBe(true);
  });

  it('says at once which primary is away, and since when, if statements do not wait', async () => {
    const scene = sceneOf(0);
    scene.health('down');
    jest.advanceTimersByTime(4_000);
    scene.hasFailed = true;
    scene.gate.refused('primary', REFUSAL);
    await expect(scene.gate.opens(Date.now())).rejects.toMatchObject({
      name: 'PrimaryUnavailableError',
      code: 'REPLICA_PRIMARY_UNAVAILABLE',
      node: 'primary',
      address: 'db:5432',
      since: new Date('2030-01-02T03:04:05.000Z'),
      waitedMs: 0,
      cause: REFUSAL,
      message:
        'The primary primary (db:5432) is away since 2030-01-02T03:04:05.000Z: connect ECONNREFUSED. Nothing was sent. ' +
        'Start it or promote a replica; primaryWaitMs lets statements wait for that.',
    });
    expect(jest.getTimerCount()).toBe(0);
  });

  it('says what the primary told the monitor after it had refused a statement', async () => {
    const scene = sceneOf(0);
    scene.health('down');
    scene.gate.refused('primary', REFUSAL);
    scene.isStandby = true;
    scene.primary = { ...scene.primary, problem: 'it is read-only' };
    await expect(scene.gate.opens(Date.now())).rejects.toThrow('it is read-only. Nothing was sent');
  });

  it('lets a statement wait until the primary is back', async () => {
    const scene = sceneOf(5_000);
    scene.isSilent = true;
    scene.health('down');
    const waiting = follow(scene.gate.opens(Date.now()));
    await jest.advanceTimersByTimeAsync(4_000);
    expect([waiting.outcome, scene.hurries]).toEqual(['waits', [5_000]]);
    scene.isSilent = false;
    scene.health('up');
    await jest.advanceTimersByTimeAsync(0);
    expect([waiting.outcome, jest.getTimerCount()]).toEqual(['open', 0]);
  });

  it('lets a statement wait until another node is the primary', async () => {
    const scene = sceneOf(5_000);
    scene.hasFailed = true;
    scene.health('down');
    scene.gate.refused('primary', REFUSAL);
    const waiting = follow(scene.gate.opens(Date.now()));
    await jest.advanceTimersByTimeAsync(50);
    expect(waiting.outcome).toBe('waits');
    scene.health('up', 'replica-1');
    await jest.advanceTimersByTimeAsync(0);
    expect(waiting.outcome).toBe('open');
  });

  it('lets a statement try again from time to time, whatever the monitor says', async () => {
    const scene = sceneOf(5_000);
    scene.hasFailed = true;
    scene.health('down');
    scene.gate.refused('primary', REFUSAL);
    const waiting = follow(scene.gate.opens(Date.now()));
    await jest.advanceTimersByTimeAsync(100);
    expect(waiting.outcome).toBe('open');
  });

  it('lets a statement wait no longer than allowed, counted from the start of its wait', async () => {
    const scene = sceneOf(1_000);
    scene.isSilent = true;
    scene.health('down');
    const waiting = follow(scene.gate.opens(Date.now() - 400));
    await jest.advanceTimersByTimeAsync(599);
    expect(waiting.outcome).toBe('waits');
    await jest.advanceTimersByTimeAsync(1);
    expect(waiting.outcome).toMatchObject({ code: 'REPLICA_PRIMARY_UNAVAILABLE', waitedMs: 1_000 });
    expect(String(waiting.outcome)).toContain('Nothing was sent, after 1000 ms of waiting');
  });

  it('ends every wait when the application ends', async () => {
    const scene = sceneOf(60_000);
    scene.isSilent = true;
    const waiting = follow(scene.gate.opens(Date.now()));
    scene.gate.end();
    await jest.advanceTimersByTimeAsync(0);
    expect(waiting.outcome).toMatchObject({ code: 'REPLICA_PRIMARY_UNAVAILABLE' });
    expect(jest.getTimerCount()).toBe(0);
  });
});
