import Sequencer from '@jest/test-sequencer';

/** From the longest to the shortest: those of many runs or large texts, those that start servers, and the units. */
const KINDS = [/\/checker\.spec\.ts$/, /\/(?:growth|model)\.spec\.ts$/, /\/test\//];

/**
 * Begins with the files that take longest, so that none of them runs alone at the end. Where no earlier run tells how long each takes,
 * Jest begins with the largest files; but the small ones that run the tests of another file on a second database start servers, too.
 */
export default class LongestFirst extends Sequencer {
  sort(tests) {
    // oxlint-disable-next-line unicorn/no-array-sort -- Jest's own, of a sequencer
    const sorted = super.sort(tests);
    if (sorted.some(({ duration }) => duration !== undefined)) return sorted;
    return sorted.toSorted((a, b) => kindOf(a) - kindOf(b));
  }
}

function kindOf({ path }) {
  const kind = KINDS.findIndex((pattern) => pattern.test(path));
  return kind === -1 ? KINDS.length : kind;
}
