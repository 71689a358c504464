import { beforeEach, describe, expect, it } from '@jest/globals';
import type { ContextStorage } from '../../context/context-storage.js';
import type { RequestContext } from '../../context/request-context.js';
import { PinnedWrites } from './pinned-writes.js';
import type { Statement } from '../../postgres/statements/index.js';

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

describe('what is written on a pinned connection', () => {
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

  it('binds when the primary has answered, by the position told along', () => {
    writes.begins(INSERT);
    writes.succeeded(INSERT, { isOpen: false, position: 7n });
    expect(told).toEqual(['begins', { position: 7n, sightings: 0 }]);
  });

  it('binds also when the answer is an error', () => {
    writes.begins(INSERT);
    writes.failed(INSERT, 7n);
    writes.begins(INSERT);
    writes.failed(INSERT);
    expect(told).toEqual(['begins', { position: 7n, sightings: 0 }, 'begins', 'wrote']);
  });

  it('binds at the end of its transaction, whichever that is', () => {
    for (const end of [COMMIT, ROLLBACK]) {
      begin();
      writes.failed(INSERT);
      writes.begins(end);
      writes.succeeded(end, { isOpen: false, position: 7n });
    }
    const once = ['begins', { position: 7n, sightings: 0 }];
    expect([told, writes.transaction]).toEqual([[...once, ...once], undefined]);
  });

  it('binds when a COMMIT fails, and once', () => {
    begin();
    writes.succeeded(INSERT, { isOpen: true });
    writes.failed(COMMIT);
    expect(told).toEqual(['begins', 'wrote']);
    writes.succeeded(ROLLBACK, { isOpen: false });
    expect(told).toEqual(['begins', 'wrote']);
  });

  it('is forgotten when it was lost before it was committed, and not known when that is not known', () => {
    begin();
    writes.lost('rolled-back');
    begin();
    writes.lost('commit-unknown');
    writes.begins(INSERT);
    writes.lost('write-unknown');
    expect(told).toEqual(['begins', 'abandoned', 'begins', 'lost', 'begins', 'lost']);
  });

  it('may be asked about behind what ends it, and leaves no transaction open', () => {
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
