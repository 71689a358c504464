import { describe, expect, it } from '@jest/globals';
import { checkSettings } from './check-settings.js';

describe('settings of the module', () => {
  it.each([
    [{ name: 3 }, 'name must be a text, not 3'],
    [{ name: '' }, 'name must be a text, not an empty one'],
    [{ isGlobal: 'x' }, 'isGlobal must be true or false, not a text'],
    [{ forRoutes: 'orders' }, "forRoutes must be a list such as ['orders/{*path}'], not a text"],
    [{ exclude: 'health' }, "exclude must be a list such as ['orders/{*path}'], not a text"],
  ])('%j is refused', (settings, problem) => {
    expect(() => checkSettings(settings as never)).toThrow(problem);
  });

  it('are fine where they are absent or as they should be', () => {
    expect(() => checkSettings({})).not.toThrow();
    expect(() =>
      checkSettings({ name: 'archive', isGlobal: false, forRoutes: ['a'], exclude: [] }),
    ).not.toThrow();
  });
});
