import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ContextStorage } from '../../context/context-storage.js';
import type { RequestContext } from '../../context/request-context.js';
import { PinnedWrites } from './pinned-writes.js';
import type { Statement } from '../statements/statement.js';

const statement = (kind: Statement['kind'], changes: Partial<Statement> = {}): Statement => ({
  kind,
  mayWrite: kind === 'write',
  keepsConnection: false,
  changesCatalog: false,
  ...changes,
});

const INSERT = statement('write');
const BEGIN = statement('transaction-control', { transaction: 'begin' });
const COMMIT = statement('transaction-control', { transaction: 'end' });
const ROLLBACK = COMMIT;

describe('PinnedWrites', () => {
  let told: unknown[];
  let writes: PinnedWrites;

  beforeEach(() => {
    told = [];
    const request = {
      ledger: { begin: () => told.push('begins'), abandon: () => told.push('abandoned'), sightings: 0 },
      wrote: (position: unknown) => told.push(position === undefined ? 'wrote' : position),
      lostWrite: () => told.push('lost'),
      transactionBegan: () => undefined,
      transactionEnded: () => undefined,
    } as unknown as RequestContext;
    const contexts = { surrounding: () => ({ request }) } as unknown as ContextStorage;
    writes = new PinnedWrites(contexts, false);
  });

  const begin = (): void => {
    writes.begins(BEGIN);
    writes.succeeded(BEGIN, { isOpen: true });
    writes.begins(INSERT);
  };

  it('binds the session when the primary answers, by the position in its answer', () => {
    writes.begins(INSERT);
    writes.succeeded(INSERT, { isOpen: false, position: 7n });
    expect(told).toEqual(['begins', { position: 7n, sightings: 0 }]);
  });

  it('binds the session even if the answer is an error', () => {
    writes.begins(INSERT);
    writes.failed(INSERT, 7n);
    writes.begins(INSERT);
    writes.failed(INSERT);
    expect(told).toEqual(['begins', { position: 7n, sightings: 0 }, 'begins', 'wrote']);
  });

  it('binds the session at the end of the transaction, however it ends', () => {
    for (const end of [COMMIT, ROLLBACK]) {
      begin();
      writes.failed(INSERT);
      writes.begins(end);
      writes.succeeded(end, { isOpen: false, position: 7n });
    }
    const once = ['begins', { position: 7n, sightings: 0 }];
    expect([told, writes.transaction]).toEqual([[...once, ...once], undefined]);
  });

  it('binds the session once when a COMMIT fails', () => {
    begin();
    writes.succeeded(INSERT, { isOpen: true });
    writes.failed(COMMIT);
    expect(told).toEqual(['begins', 'wrote']);
    writes.succeeded(ROLLBACK, { isOpen: false });
    expect(told).toEqual(['begins', 'wrote']);
  });

  it('forgets a write that was lost before its commit, and reports an unknown outcome as unknown', () => {
    begin();
    writes.lost('rolled-back');
    begin();
    writes.lost('commit-unknown');
    writes.begins(INSERT);
    writes.lost('write-unknown');
    expect(told).toEqual(['begins', 'abandoned', 'begins', 'lost', 'begins', 'lost']);
  });

  it('may ask for a position behind the statement that ends a write and leaves no transaction open', () => {
    writes.begins(INSERT);
    expect(writes.endsWith(INSERT, 'INSERT INTO a VALUES (1)')).toBeDefined();
    writes.succeeded(INSERT, { isOpen: false });
    begin();
    for (const text of ['COMMIT', 'rollback;']) expect(writes.endsWith(COMMIT, text)).toBeDefined();
    for (const text of ['COMMIT AND CHAIN', 'ROLLBACK TO a'])
      expect(writes.endsWith(COMMIT, text)).toBeUndefined();
    expect(writes.endsWith(INSERT, 'INSERT INTO a VALUES (1)')).toBeUndefined();
  });
});
