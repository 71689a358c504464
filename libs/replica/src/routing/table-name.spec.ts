import { formatTableName, parseTableName } from './table-name.js';

describe('the name of a table', () => {
  it.each([
    ['accounts', { name: 'accounts' }],
    ['billing.accounts', { schema: 'billing', name: 'accounts' }],
    ['orderItem', { name: 'orderItem' }],
    ['my table', { name: 'my table' }],
    ['"odd.name"', { name: 'odd.name' }],
    ['billing."say ""hi"""', { schema: 'billing', name: 'say "hi"' }],
    ['"a.b".c', { schema: 'a.b', name: 'c' }],
  ])('is read and written as %s', (text, name) => {
    expect(parseTableName(text)).toEqual(name);
    expect(formatTableName(name)).toBe(text);
  });

  it.each(['', '.', 'a.', '.a', 'a.b.c', '"a', 'a"b', '"a"b', '""', 'a.""'])('is not %s', (text) => {
    expect(parseTableName(text)).toBeUndefined();
  });

  it('may have quotes that it does not need', () => {
    expect(parseTableName('"billing"."accounts"')).toEqual({ schema: 'billing', name: 'accounts' });
  });
});
