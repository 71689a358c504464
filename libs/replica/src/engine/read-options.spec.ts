import { describe, expect, it } from '@jest/globals';
import { InvalidReplicaOptionsError } from '../errors/invalid-options.error.js';
import { checkReplicaNames } from './check-selection.js';
import { checkReadOptions, intentOf, type ReadOptions } from './read-options.js';

const DEFAULTS = {
  defaultConsistency: 'session',
  maxStalenessMs: 5_000,
  onBehind: 'primary',
  catchUpTimeoutMs: 500,
} as const;

const problemsOf = (options: object): readonly string[] => {
  try {
    checkReadOptions(options, 'here');
  } catch (error) {
    if (error instanceof InvalidReplicaOptionsError) return error.problems;
    throw error;
  }
  return [];
};

describe('which replicas a read asks for', () => {
  it.each<[ReadOptions, unknown]>([
    [{}, undefined],
    [{ replica: 'analytics' }, [{ by: 'name', name: 'analytics' }]],
    [
      { replica: ['analytics', 'replica-1'] },
      [
        { by: 'name', name: 'analytics' },
        { by: 'name', name: 'replica-1' },
      ],
    ],
    [{ tags: { usage: 'reports' } }, [{ by: 'tags', tags: { usage: 'reports' } }]],
    [
      { tags: [{ usage: 'reports' }, {}] },
      [
        { by: 'tags', tags: { usage: 'reports' } },
        { by: 'tags', tags: {} },
      ],
    ],
    [{ region: ['eu', 'us'] }, ['eu', 'us'].map((region) => ({ by: 'region', region }))],
  ])('is read from %j', (options, selection) => {
    expect(problemsOf(options)).toEqual([]);
    expect(intentOf('replica', options, DEFAULTS).selection).toEqual(selection);
  });

  it.each<[object, string]>([
    [{ replica: '' }, 'here: replica must be a text, not an empty one'],
    [{ replica: [] }, 'here: replica must not be an empty list'],
    [{ replica: ['a', null] }, 'here: replica[1] must be a text, not null'],
    [{ region: 7 }, 'here: region must be a text, not 7'],
    [{ tags: 'reports' }, `here: tags must be an object of texts such as { usage: 'reporting' }, not a text`],
    [
      { tags: [{}, { a: 1 }] },
      `here: tags[1] must be an object of texts such as { usage: 'reporting' }, not an object`,
    ],
    [
      { replica: 'a', region: 'eu' },
      'here: region cannot stand beside replica: give one of replica, tags and region',
    ],
    [
      { consistency: 'strong', tags: {} },
      `here: tags means nothing with consistency 'strong', which is the primary's`,
    ],
  ])('is refused from %j', (options, problem) => {
    expect(problemsOf(options)).toEqual([problem]);
  });

  it('is refused where it names a replica that there is not', () => {
    const check = (replica: string | string[]): void =>
      checkReplicaNames({ replica }, ['primary', 'replica-1'], 'runOnReplica()');
    expect(() => check('replica-1')).not.toThrow();
    expect(() => check(['replica-1', 'analitics'])).toThrow(
      'runOnReplica(): replica names "analitics", but the nodes are primary, replica-1',
    );
  });
});
