import { laneCallOf } from './lane-query.js';

describe('calls that a lane takes', () => {
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
  ])('%j', (args, call) => {
    expect(laneCallOf(args)).toEqual({ values: undefined, rowMode: undefined, types: undefined, ...call });
  });

  it.each([
    ['a name of its own', [{ text: 'SELECT 1', name: 'one' }]],
    ['a time limit', [{ text: 'SELECT 1', query_timeout: 100 }]],
    ['parts of a result', [{ text: 'SELECT 1', rows: 10 }]],
    ['binary results', [{ text: 'SELECT 1', binary: true }]],
    ['values that are no list', ['SELECT $1', { a: 1 }]],
    [
      'a class of its own',
      [
        new (class {
          text = 'SELECT 1';
        })(),
      ],
    ],
    ['no text', [{ values: [1] }]],
  ])('not with %s', (_, args) => {
    expect(laneCallOf(args)).toBeUndefined();
  });
});
