import { afterEach, describe, expect, it } from '@jest/globals';
import { InvalidClusterOptionsError } from './cluster.error.js';
import { ClusterOptions, ResolvedClusterOptions, resolveClusterOptions } from './cluster-options.js';
import { POSTGRES_OPTION_RULES } from './postgres/postgres-option-rules.js';

const image = process.env['POSTGRES_IMAGE'];

afterEach(() => {
  if (image === undefined) delete process.env['POSTGRES_IMAGE'];
  else process.env['POSTGRES_IMAGE'] = image;
});

function resolve(options: ClusterOptions = {}): ResolvedClusterOptions {
  return resolveClusterOptions(options, POSTGRES_OPTION_RULES);
}

/** The problems as lines, like in the message. */
function problemsOf(options: unknown): string[] {
  try {
    Reflect.apply(resolveClusterOptions, undefined, [options, POSTGRES_OPTION_RULES]);
  } catch (error) {
    if (!(error instanceof InvalidClusterOptionsError)) throw error;
    return error.problems.map(
      ({ path, expected, received }) => `${path}: expected ${expected}, got ${received}`,
    );
  }
  return [];
}

describe('the options of a test cluster', () => {
  it('default to two replicas, wherever the servers come from', () => {
    delete process.env['POSTGRES_IMAGE'];
    expect(resolve()).toMatchObject({
      replicas: 2,
      backend: 'auto',
      settings: {},
      image: 'postgres:17',
    });
    expect(resolve({ replicas: undefined, image: undefined })).toMatchObject({
      replicas: 2,
      image: 'postgres:17',
    });
  });

  it('take the image from the environment, unless one is given', () => {
    process.env['POSTGRES_IMAGE'] = 'registry.example/postgres:16';
    expect(resolve().image).toBe('registry.example/postgres:16');
    expect(resolve({ image: 'postgres:15' }).image).toBe('postgres:15');
  });

  it('are refused with all problems at once', () => {
    expect(
      problemsOf({
        replicas: -1,
        backend: 'docker',
        replica: 3,
        image: '',
        log: 1,
        settings: { port: 5432 },
      }),
    ).toEqual([
      'replica: expected one of replicas, backend, settings, image, log, got an unknown option',
      'replicas: expected an integer from 0 to 16, got -1',
      'backend: expected one of embedded, containers, auto, got a text',
      'image: expected the name of an image, got an empty text',
      'log: expected a function, got 1',
      'settings.port: expected to be left to the cluster, which sets it, got 5432',
    ]);
  });

  it.each([
    [{ replicas: 1.5 }, 'replicas: expected an integer from 0 to 16, got 1.5'],
    [{ replicas: '2' }, 'replicas: expected an integer from 0 to 16, got a text'],
    [{ settings: [] }, 'settings: expected an object of parameters, got a list'],
    [{ settings: { 'a b': 1 } }, '(a key that is not shown here): expected the name of a parameter, got 1'],
    [
      { settings: { work_mem: null } },
      'settings.work_mem: expected one line of text, a number or a boolean, got null',
    ],
    [
      { settings: { work_mem: NaN } },
      'settings.work_mem: expected one line of text, a number or a boolean, got NaN',
    ],
    [
      { settings: { a: '1\nb = 2' } },
      'settings.a: expected one line of text, a number or a boolean, got a text',
    ],
    [
      { settings: { max_connections: 20 } },
      'settings.max_connections: expected at least 100, as replicas need, got 20',
    ],
    [null, 'options: expected an object, got null'],
  ])('%j are refused', (options, problem) => {
    expect(problemsOf(options)).toEqual([problem]);
  });
});
