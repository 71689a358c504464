import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Position } from '../../session/position.js';
import type { ProbeResult } from '../node-probe.js';
import { JoiningProbe } from './joining-probe.js';

describe('JoiningProbe', () => {
  let answer: ProbeResult;
  let floor: Position | undefined;
  let warmUps: number;
  let warmUp: () => Promise<void>;
  let isClosed: boolean;
  let reconnects: number;
  let probe: JoiningProbe;

  beforeEach(() => {
    answer = { isReadOnly: true, position: 100n, epoch: undefined };
    floor = undefined;
    warmUps = 0;
    warmUp = () => Promise.resolve();
    isClosed = false;
    reconnects = 0;
    const inner = {
      probe: () => Promise.resolve(answer),
      reconnect: () => void reconnects++,
      close: () => {
        isClosed = true;
        return Promise.resolve();
      },
    };
    probe = new JoiningProbe(() => inner, {
      floor: () => floor,
      warmUp: () => {
        warmUps++;
        return warmUp();
      },
    });
  });

  it('warms the node up before its first answer, and only then', async () => {
    expect(await probe.probe(500)).toBe(answer);
    expect(await probe.probe(500)).toBe(answer);
    expect(warmUps).toBe(1);
  });

  it('connects anew when it is told to', async () => {
    probe.reconnect();
    expect(reconnects).toBe(0);
    await probe.probe(500);
    probe.reconnect();
    expect(reconnects).toBe(1);
  });

  it('fails until the node could be warmed up', async () => {
    warmUp = () => Promise.reject(new Error('too many connections'));
    await expect(probe.probe(500)).rejects.toThrow('too many connections');
    warmUp = () => Promise.resolve();
    expect(await probe.probe(500)).toBe(answer);
    expect(warmUps).toBe(2);
  });

  it('fails while warming up takes too long, and does not begin it twice', async () => {
    jest.useFakeTimers();
    try {
      let done: (() => void) | undefined;
      warmUp = () => new Promise((resolve) => (done = resolve));
      const first = probe.probe(500).catch((error: Error) => error.message);
      await jest.advanceTimersByTimeAsync(500);
      expect(await first).toBe('its first connections took over 500 ms');
      const second = probe.probe(500);
      await jest.advanceTimersByTimeAsync(0);
      done?.();
      expect(await second).toBe(answer);
      expect(warmUps).toBe(1);
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  it('fails while the node has replayed less than it has to', async () => {
    floor = 101n;
    await expect(probe.probe(500)).rejects.toThrow('it has to pass what the primary had');
    answer = { ...answer, position: undefined };
    await expect(probe.probe(500)).rejects.toThrow('it has to pass what the primary had');
    expect(warmUps).toBe(0);
    answer = { ...answer, position: 101n };
    expect(await probe.probe(500)).toBe(answer);
  });

  it('asks nothing of a node that accepts writes: it is no replica', async () => {
    floor = 101n;
    answer = { isReadOnly: false, position: 100n, epoch: 1 };
    expect(await probe.probe(500)).toBe(answer);
    expect(warmUps).toBe(0);
  });

  it('closes the probe that it has made', async () => {
    await probe.probe(500);
    await probe.close();
    expect(isClosed).toBe(true);
  });

  it('makes no probe that is never asked, nor one after its end', async () => {
    const steps = { warmUp: () => Promise.resolve(), floor: () => undefined };
    const unused = new JoiningProbe(() => {
      throw new Error('made');
    }, steps);
    await unused.close();
    await expect(unused.probe(500)).rejects.toThrow('the probe is closed');
  });
});
