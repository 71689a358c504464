import { describe, expect, it } from '@jest/globals';
import { FAULTS_OF_FUNCTIONS } from '../../../../test/support/faults-of-functions.js';
import type { ProbedNode, ProbeFunction } from '../topology/probe-function.js';
import { runProbeFunction, type ProbeQuery } from './run-probe-function.js';

const ANSWER = { isReadOnly: true, position: 100n, epoch: undefined };

/** A connection that answers with the query itself. */
const ask: ProbeQuery = (text, values) => Promise.resolve([{ text, values }]);

const run = (probe: ProbeFunction, answer = ANSWER): ReturnType<typeof runProbeFunction> =>
  runProbeFunction({ name: 'replica-1', address: 'db:5432', probe }, ask, answer);

describe('runProbeFunction', () => {
  it.each<[string, ProbeFunction]>([
    ['true', () => true],
    ['nothing', () => undefined],
    ['an object without an age', () => Promise.resolve({})],
  ])('keeps the answer as it is if the probe returns %s', async (_, probe) => {
    await expect(run(probe)).resolves.toEqual(ANSWER);
  });

  it('adds the age that the probe returns', async () => {
    await expect(run(() => Promise.resolve({ lagMs: 12.5 }))).resolves.toEqual({ ...ANSWER, minLagMs: 12.5 });
  });

  it.each<[string, ProbeFunction, string]>([
    ['says no', () => false, 'monitor.probe said no'],
    ['says no later', () => Promise.resolve(false), 'monitor.probe said no'],
    [
      'throws',
      () => {
        throw new Error('of the user');
      },
      'monitor.probe: it failed with Error, whose message is not shown: it may hold a credential',
    ],
    [
      'rejects',
      () => Promise.reject(new Error('of the user')),
      'monitor.probe: it failed with Error, whose message is not shown: it may hold a credential',
    ],
    [
      'returns an age below 0',
      () => ({ lagMs: -1 }),
      'monitor.probe gave a lagMs that is no number from 0: -1',
    ],
    [
      'returns an age that is no number',
      () => ({ lagMs: '5' }) as never,
      'monitor.probe gave a lagMs that is no number from 0: string',
    ],
    [
      'returns NaN as the age',
      () => ({ lagMs: Number.NaN }),
      'monitor.probe gave a lagMs that is no number from 0: NaN',
    ],
  ])('says why the node may not serve if the probe %s', async (_, probe, problem) => {
    await expect(run(probe)).resolves.toEqual({ ...ANSWER, problem });
  });

  it('tells the probe which node it asks, and in which role', async () => {
    const seen: Partial<ProbedNode>[] = [];
    const probe: ProbeFunction = ({ name, role, address }) => void seen.push({ name, role, address });
    await run(probe);
    await run(probe, { ...ANSWER, isReadOnly: false });
    expect(seen).toEqual([
      { name: 'replica-1', role: 'replica', address: 'db:5432' },
      { name: 'replica-1', role: 'primary', address: 'db:5432' },
    ]);
  });

  it('runs statements for the probe until it has ended', async () => {
    let query: ProbedNode['query'] | undefined;
    let rows: readonly unknown[] = [];
    await run(async (node) => {
      query = node.query;
      rows = await node.query('SELECT $1', [1]);
    });
    expect(rows).toEqual([{ text: 'SELECT $1', values: [1] }]);
    await expect(query?.('SELECT 2')).rejects.toThrow('the probe has ended');
  });

  it.each(Object.keys(FAULTS_OF_FUNCTIONS).filter((fault) => fault !== 'never answers'))(
    'gives an answer even if the probe %s',
    async (fault) => {
      await expect(run(FAULTS_OF_FUNCTIONS[fault] as ProbeFunction)).resolves.toMatchObject(ANSWER);
    },
  );
});
