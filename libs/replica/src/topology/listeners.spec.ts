import { beforeEach, describe, expect, it } from '@jest/globals';
import { Listeners } from './listeners.js';

interface Events {
  here: [what: string];
  there: [];
}

describe('Listeners', () => {
  let failures: string[];
  let listeners: Listeners<Events>;
  let told: string[];

  beforeEach(() => {
    failures = [];
    told = [];
    listeners = new Listeners((event, error) => failures.push(`${event}: ${(error as Error).message}`));
  });

  it('tells each in the order in which they came, one that came twice twice, until it stops', () => {
    const first = (what: string): number => told.push(`first ${what}`);
    const stop = listeners.on('here', first);
    listeners.on('here', (what) => told.push(`second ${what}`));
    listeners.on('here', first);
    listeners.emit('here', 'a');
    stop();
    stop();
    listeners.emit('here', 'b');
    listeners.emit('there');
    expect(told).toEqual(['first a', 'second a', 'first a', 'second b', 'first b']);
  });

  it('knows whether anybody listens', () => {
    const stop = listeners.on('here', () => undefined);
    expect([listeners.has('here'), listeners.has('there')]).toEqual([true, false]);
    stop();
    expect(listeners.has('here')).toBe(false);
  });

  it('goes on after a listener that throws, and after one whose promise rejects', async () => {
    listeners.on('here', () => {
      throw new Error('thrown');
    });
    listeners.on('here', () => Promise.reject(new Error('rejected')));
    listeners.on('here', (what) => told.push(what));
    expect(() => listeners.emit('here', 'a')).not.toThrow();
    await Promise.resolve();
    expect(told).toEqual(['a']);
    expect(failures).toEqual(['here: thrown', 'here: rejected']);
  });

  it('tells those who listen at the time of the event, also when one of them stops another', () => {
    let stop: () => void = () => undefined;
    listeners.on('here', () => {
      stop();
      listeners.on('here', () => told.push('late'));
    });
    stop = listeners.on('here', (what) => told.push(what));
    listeners.emit('here', 'a');
    expect(told).toEqual(['a']);
  });

  it('tells what belongs together when all of it has happened, also when that fails', () => {
    listeners.on('here', (what) => told.push(what));
    const happens = (): void =>
      listeners.together(() => {
        listeners.emit('here', 'a');
        listeners.together(() => listeners.emit('here', 'b'));
        told.push('happened');
        throw new Error('failed');
      });
    expect(happens).toThrow('failed');
    listeners.emit('here', 'c');
    expect(told).toEqual(['happened', 'a', 'b', 'c']);
  });
});
