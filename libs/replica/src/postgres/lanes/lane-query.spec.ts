import { laneCallOf } from './lane-query.js';

describe('a lane', () => {
  const types = { getTypeParser: () => String };

  it.each([
    [['SELECT 1'], { text: 'SELECT 1' }],
    [['SELECT $1', [1]], { text: 'SELECT $1', values: [1] }],
    [
      [{ text: 'SELECT $1', values: [1], rowMode: 'array' }],
      { text: 'SELECT $1', values: [1], rowMode: 'array' },
    ],
    [[{ text: 'SELECT $1' }, [2]], { text: 'SELECT $1', values: [2] }],
    [[{ text: 'SELECT 1', types }], { text: 'SELECT 1', types }],
    [[{ text: 'SELECT 1', name: undefined, rows: undefined, values: undefined }], { text: 'SELECT 1' }],
  ])('takes %j', (args, call) => {
    expect(laneCallOf(args)).toEqual({ values: undefined, rowMode: undefined, types: undefined, ...call });
  });

  it.each([
    ['a named statement', [{ text: 'SELECT 1', name: 'one' }]],
    ['a time limit', [{ text: 'SELECT 1', query_timeout: 100 }]],
    ['partial results', [{ text: 'SELECT 1', rows: 10 }]],
    ['binary results', [{ text: 'SELECT 1', binary: true }]],
    ['values that are not a list', ['SELECT $1', { a: 1 }]],
    [
      'an object of another class',
      [
        new (class {
          text = 'SELECT 1';
        })(),
      ],
    ],
    ['a call without a text', [{ values: [1] }]],
  ])('does not take %s', (_, args) => {
    expect(laneCallOf(args)).toBeUndefined();
  });
});
