import { Session, type Profiler } from 'node:inspector';
import { afterAll, beforeAll } from '@jest/globals';

/**
 * Counts executed steps instead of measuring time: how often each function and each block (the body of a loop, a branch of a condition)
 * of the files at `places` runs while `work` does. Call this before any of them is called, because V8 counts only blocks that it compiles
 * later.
 */
export function countSteps(places: RegExp): (work: () => unknown) => number {
  const session = new Session();
  const take = (): Profiler.TakePreciseCoverageReturnType => {
    let found: Profiler.TakePreciseCoverageReturnType | undefined;
    session.post('Profiler.takePreciseCoverage', (_error, result) => (found = result));
    return found!;
  };
  beforeAll(() => {
    session.connect();
    session.post('Profiler.enable');
    session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  });
  afterAll(() => session.disconnect());
  return (work) => {
    take();
    work();
    let steps = 0;
    for (const { url, functions } of take().result) {
      if (!places.test(url) || url.endsWith('.spec.ts')) continue;
      for (const { ranges } of functions) for (const { count } of ranges) steps += count;
    }
    return steps;
  };
}
