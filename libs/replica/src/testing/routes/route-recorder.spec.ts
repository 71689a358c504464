import { beforeEach, describe, expect, it } from '@jest/globals';
import { recordRoutes, type Recordable } from './record-routes.js';
import { routeMatchers, type RouteMatchers } from './route-matchers.js';
import type { RecordableRouter, RouteRecording } from './route-recording.js';

declare module 'expect' {
  interface Matchers<R> extends RouteMatchers<R> {}
}

expect.extend(routeMatchers);

type Told = Parameters<Parameters<RecordableRouter['on']>[1]>[0];

class FakeRouter implements RecordableRouter {
  readonly listeners = new Set<(event: Told) => unknown>();
  primary = 'p';

  on(_: 'statement', listener: (event: Told) => unknown): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  topology(): { primary: { name: string } } {
    return { primary: { name: this.primary } };
  }

  tell(changes: Partial<Told>): void {
    const event: Told = {
      kind: 'read',
      tables: ['product'],
      node: 'r1',
      reason: 'session-free',
      request: 41,
      isFinal: true,
      ...changes,
    };
    for (const listener of this.listeners) listener(event);
  }
}

describe('a recording of routes', () => {
  let router: FakeRouter;
  let routes: RouteRecording;

  beforeEach(() => {
    router = new FakeRouter();
    routes = recordRoutes(router);
  });

  const messageOf = (act: () => void): string => {
    try {
      act();
    } catch (error) {
      return (error as Error).message;
    }
    return 'it passed';
  };

  it('tells final outcomes in words, by request, with numbers of its own', () => {
    router.tell({ request: 7_001 });
    router.tell({ isFinal: false, errorCode: '57P01' });
    router.tell({ request: null, kind: 'write', tables: null, node: 'p', reason: 'write' });
    router.tell({ request: 7_001, node: 'p', reason: 'own-write', tables: ['a', 'b'] });
    router.tell({
      request: 7_005,
      node: null,
      reason: 'no-eligible-replica',
      errorCode: 'REPLICA_NONE_ELIGIBLE',
    });
    expect(routes.transcript()).toBe(
      [
        'request 1',
        '  read of product: replica, session-free',
        '  read of a, b: primary, own-write',
        'outside requests',
        '  write: primary',
        'request 2',
        '  read of product: no node, no-eligible-replica, failed with REPLICA_NONE_ELIGIBLE',
      ].join('\n'),
    );
    expect(routes.statements).toHaveLength(4);
    routes.clear();
    expect(routes.transcript()).toBe('');
  });

  it('tells the role that a node had at that time', () => {
    router.tell({});
    router.primary = 'r1';
    router.tell({});
    expect(routes.statements.map(({ role }) => role)).toEqual(['replica', 'primary']);
  });

  it('ends when it is stopped', () => {
    routes.stop();
    router.tell({});
    expect(routes.statements).toEqual([]);
    expect(router.listeners.size).toBe(0);
  });

  it('is asked about reads', () => {
    router.tell({});
    router.tell({ kind: 'write', tables: null, node: 'p', reason: 'write' });
    expect(routes).toHaveReadFrom('replica');
    expect(routes).toHaveReadFrom('r1', { table: 'product' });
    expect(routes).not.toHaveReadFrom('primary');
    expect(routes).not.toHaveReadFrom('replica', { table: 'account' });
    router.tell({ tables: ['billing.account'] });
    expect(routes).toHaveReadFrom('replica', { table: 'account' });
    expect(routes).not.toHaveReadFrom('replica', { table: 'sales.account' });
    expect(messageOf(() => expect(routes).toHaveReadFrom('primary', { table: 'product' }))).toBe(
      'expected a read of product from primary\n\nRecorded:\n\nrequest 1\n  read of product: replica, session-free\n  write: primary\n  read of billing.account: replica, session-free',
    );
    expect(messageOf(() => expect(routes).not.toHaveReadFrom('replica'))).toContain(
      'expected no read from replica, but there was:\n  read of product: replica, session-free (r1)',
    );
  });

  it('is asked about reasons and writes', () => {
    expect(routes).not.toHaveWritten();
    expect(messageOf(() => expect(routes).toHaveWritten())).toBe(
      'expected a write\n\nNo statement was recorded.',
    );
    router.tell({ kind: 'write', tables: null, node: 'p', reason: 'write' });
    expect(routes).toHaveWritten();
    expect(routes).toHaveReason('write');
    expect(routes).not.toHaveReason('own-write');
    expect(messageOf(() => expect(routes).toHaveReason('own-write'))).toContain(
      'a statement with the reason own-write',
    );
  });

  it('is asked whether reads stay off the primary', () => {
    expect(messageOf(() => expect(routes).toStayOffPrimary())).toContain('but there was no read');
    router.tell({});
    router.tell({ kind: 'write', tables: null, node: 'p', reason: 'write' });
    expect(routes).toStayOffPrimary();
    router.tell({ node: 'p', reason: 'own-write', tables: ['account'] });
    expect(routes).not.toStayOffPrimary();
    expect(routes).toStayOffPrimary({ except: ['own-write'] });
    expect(routes).toStayOffPrimary({ table: 'product' });
    expect(messageOf(() => expect(routes).toStayOffPrimary({ except: ['transaction'] }))).toContain(
      'expected all reads on replicas, except for transaction, but these ran elsewhere:\n  read of account: primary, own-write (p)',
    );
  });

  it('finds the router of whatever has one', () => {
    const asked: unknown[] = [];
    const application = {
      get: (token: symbol, options: object) => {
        asked.push([token, options]);
        return router;
      },
    };
    for (const target of [{ router }, application]) {
      const recording = recordRoutes(target);
      router.tell({});
      expect(recording).toHaveReadFrom('replica');
    }
    recordRoutes(application, { name: 'reports' });
    expect(asked).toEqual([
      [Symbol.for('nestjs-replica:router:default'), { strict: false }],
      [Symbol.for('nestjs-replica:router:reports'), { strict: false }],
    ]);
  });

  it('refuses what has none, and matchers refuse what is no recording', () => {
    const unknown = {
      get: () => {
        throw new Error('Nest could not find it');
      },
    };
    for (const target of [unknown, {}, { router: {} }])
      expect(() => recordRoutes(target as Recordable)).toThrow(
        /found no router for the data source or pool 'default'/,
      );
    expect(() => expect({}).toHaveWritten()).toThrow('toHaveWritten() needs what recordRoutes() gives');
  });
});
