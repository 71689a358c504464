import { describe, expect, it } from '@jest/globals';
import { resolveDashboardOptions } from './dashboard-options.js';

class Guard {
  canActivate(): boolean {
    return true;
  }
}

const problemsOf = (options: unknown, environment?: string): readonly string[] => {
  try {
    resolveDashboardOptions(options as object, environment);
    return [];
  } catch (error) {
    return (error as { problems: readonly string[] }).problems;
  }
};

describe('the options of the page', () => {
  it('have defaults for development', () => {
    expect(resolveDashboardOptions({ path: undefined }, 'development')).toEqual({
      path: 'replica',
      guards: [],
      actions: false,
      dataSources: ['default'],
      imports: [],
    });
  });

  it.each(['admin/replica', '/admin/replica', 'admin/replica/'])('take the path %s', (path) => {
    expect(resolveDashboardOptions({ path }, undefined).path).toBe('admin/replica');
  });

  it.each(['', '/', ':page', 'a/*path', 'a//b', 'a b', '{a}', 7])('refuse the path %j', (path) => {
    expect(problemsOf({ path })).toEqual([expect.stringMatching(/^ReplicaDashboardModule: path must be/)]);
  });

  it('let nobody drain replicas without guards', () => {
    expect(problemsOf({ actions: true })).toEqual([expect.stringContaining('give guards')]);
    expect(problemsOf({ actions: true, guards: [] })).toHaveLength(1);
    expect(problemsOf({ actions: true, guards: [Guard] })).toEqual([]);
    expect(problemsOf({ actions: true, guards: [new Guard()] }, 'production')).toEqual([]);
  });

  it('let nobody look in production without guards', () => {
    expect(problemsOf({}, 'production')).toEqual([expect.stringContaining('NODE_ENV')]);
    expect(problemsOf({ guards: [Guard] }, 'production')).toEqual([]);
    expect(problemsOf({}, 'test')).toEqual([]);
  });

  it('are told all mistakes at once', () => {
    const options = {
      guard: [Guard],
      guards: [Guard, 'admin'],
      actions: 'yes',
      dataSources: [''],
      imports: {},
    };
    expect(problemsOf(options)).toEqual([
      'ReplicaDashboardModule: guard is not an option; did you mean guards?',
      'ReplicaDashboardModule: actions must be true or false, not a text',
      'ReplicaDashboardModule: imports must be a list, not an object',
      'ReplicaDashboardModule: guards[1] must be a guard, not a text',
      'ReplicaDashboardModule: dataSources[0] must be a text, not an empty one',
    ]);
    expect(problemsOf({ dataSources: [] })).toHaveLength(1);
    expect(problemsOf(null)).toHaveLength(1);
  });
});
