import { describe, expect, it } from '@jest/globals';
import {
  decide,
  intent,
  LIMITS,
  NOW_MS,
  replica,
  request,
  session,
  topologyOf,
  withIntent,
  withSession,
} from '../../../../test/support/routing/route-queries.js';
import { InvalidChoiceError } from '../errors/invalid-choice.error.js';
import type { RouteContext, RouteQuery } from './route-query.js';

const NODES = topologyOf(
  replica('r1'),
  replica('r2', { freshAsOfMs: NOW_MS - 10_001 }),
  replica('reports', { weight: 0 }),
);

/** The questions to the function while this is decided. */
const asked = (changes: Partial<RouteQuery>): readonly RouteContext[] => {
  const contexts: RouteContext[] = [];
  decide({ topology: NODES, ...changes, routeOverride: (context) => void contexts.push(context) });
  return contexts;
};

describe('the option route', () => {
  it('is told what was decided, and which replicas are up and fresh enough', () => {
    expect(asked({})).toEqual([
      { node: 'r1', reason: 'session-free', eligible: ['r1', 'reports'], primary: 'primary' },
    ]);
    expect(asked({ failed: ['r1'] })).toMatchObject([{ node: 'primary', eligible: ['reports'] }]);
  });

  it.each<[string, Partial<RouteQuery>]>([
    ['writes', { statement: 'write' }],
    ['is in a transaction', { request: request({ transactionOpen: true }) }],
    ['is outside any request', { request: undefined }],
    ['was forced to the primary', withIntent({ target: 'primary' })],
    ['came by an unsafe method', withIntent({ safeMethod: false })],
    ['a rule sends to the primary', { tableRule: 'primary' }],
    ['comes after a write that is not known yet', { request: request({ ownWritePending: true }) }],
    ['is of a session of which nothing is known', withSession({ status: 'unavailable' })],
    ['is of a session that is being loaded', withSession({ status: 'loading' })],
    [
      'no replica may answer and the primary shall not',
      { limits: { ...LIMITS, fallback: 'error' }, topology: topologyOf() },
    ],
  ])('is not asked about what %s', (_, changes) => {
    expect(asked(changes)).toEqual([]);
  });

  it('sends a session to the named replica by the way of every move', () => {
    const routeOverride = (): string => 'reports';
    const read = { ...withSession({}), topology: NODES, routeOverride };
    expect(decide(read)).toEqual({ kind: 'learn-position' });
    expect(decide({ ...read, positionAfter: () => 1_000n })).toMatchObject({
      node: 'reports',
      reason: 'route-function',
    });
  });

  it('cannot make data older than was asked for', () => {
    const bounded = {
      session: session(),
      intent: intent({ consistency: 'bounded', maxStalenessMs: 5_000 }),
    } as const;
    expect(decide({ request: request(bounded), topology: NODES, routeOverride: () => 'r2' })).toMatchObject({
      node: 'primary',
      reason: 'no-eligible-replica',
    });
  });

  it.each([
    ['r9', '"r9"'],
    ['', 'a text that is no name'],
    [null, 'null'],
  ])('has to name a node, and %j is none', (name, shown) => {
    const decideSo = (): unknown => decide({ routeOverride: () => name as string });
    expect(decideSo).toThrow(InvalidChoiceError);
    expect(decideSo).toThrow(`option route named ${shown}: it has to name one of primary, r1, r2`);
  });

  it('gives what it throws to whoever reads', () => {
    const routeOverride = (): never => {
      throw new RangeError('no idea');
    };
    expect(() => decide({ routeOverride })).toThrow('no idea');
  });
});
