import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CatalogKeeper } from './catalog-keeper.js';
import { StatementClassifier } from '../../postgres/statements/statement-classifier.js';

/** A database that only serves catalogs. */
class Database {
  relations = ['product'];
  effects: Record<string, unknown>[] = [];
  isDown = false;
  isSilent = false;
  loads = 0;

  readonly query = (sql: string): Promise<readonly Record<string, unknown>[]> => {
    if (this.isDown) return Promise.reject(new Error('down'));
    if (this.isSilent) return new Promise(() => undefined);
    if (sql.includes('standard_conforming_strings')) {
      this.loads += 1;
      const relations = JSON.stringify(this.relations);
      return Promise.resolve([{ strings: 'on', functions: '[]', operators: '["=", "*"]', relations }]);
    }
    return Promise.resolve(sql.includes('with recursive') ? this.effects : []);
  };
}

let database: Database;
let classifier: StatementClassifier;
let keeper: CatalogKeeper;
let warnings: string[];

beforeEach(async () => {
  jest.useFakeTimers();
  database = new Database();
  classifier = new StatementClassifier();
  warnings = [];
  keeper = new CatalogKeeper({
    classifier,
    query: database.query,
    warn: (message) => warnings.push(message),
    nowMs: () => performance.now(),
  });
  await keeper.start();
});
afterEach(() => {
  keeper.stop();
  jest.useRealTimers();
});

const kindOf = (text: string): string => classifier.classify(text).kind;

/** Somebody uses a name that the catalog does not know. */
function miss(): void {
  if (classifier.classify('SELECT * FROM parcel').needsCatalog === true) keeper.missesName();
}

const CAST = { kind: 'any', name: 'cast (text as integer) with function to_int', effects: 1 };

describe('CatalogKeeper', () => {
  it('reads the catalog again within a second for an unknown name', async () => {
    miss();
    database.relations.push('parcel');
    await jest.advanceTimersByTimeAsync(1_000);
    expect(kindOf('SELECT * FROM parcel')).toBe('read');
    expect(database.loads).toBe(2);
  });

  it('also reads it again for a name that was unknown the last time', async () => {
    miss();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(kindOf('SELECT * FROM parcel')).toBe('unknown');
    database.relations.push('parcel');
    miss();
    await jest.advanceTimersByTimeAsync(2_000);
    expect(kindOf('SELECT * FROM parcel')).toBe('read');
  });

  it('reads it less and less often for a name that stays unknown', async () => {
    for (let second = 0; second < 600; second += 1) {
      miss();
      await jest.advanceTimersByTimeAsync(1_000);
    }
    expect(database.loads).toBeLessThan(20);
    expect(database.loads).toBeGreaterThan(10);
  });

  it('makes whoever needs a fresh catalog wait for a load that begins after the request', async () => {
    database.relations.push('parcel');
    const fresh = keeper.fresh().then(() => kindOf('SELECT * FROM parcel'));
    await jest.advanceTimersByTimeAsync(1_000);
    expect(await fresh).toBe('read');
    expect(database.loads).toBe(2);
  });

  it('lets nobody wait for more than three seconds', async () => {
    database.isSilent = true;
    const fresh = keeper.fresh();
    await jest.advanceTimersByTimeAsync(3_000);
    await fresh;
    expect(keeper.status).toMatchObject({ isLoaded: true, ageMs: 3_000 });
  });

  it('lets nobody wait after it has stopped', async () => {
    const fresh = keeper.fresh();
    keeper.stop();
    await fresh;
    await keeper.fresh();
    expect(database.loads).toBe(1);
  });

  it('says once what keeps all reads on the primary, and once when nothing does any more', async () => {
    expect(warnings).toEqual([]);
    database.effects = [CAST];
    for (let load = 0; load < 3; load += 1) {
      keeper.refreshSoon();
      await jest.advanceTimersByTimeAsync(1_000);
    }
    expect(kindOf('SELECT * FROM product')).toBe('unknown');
    expect(warnings).toEqual([expect.stringMatching(/^all reads stay on the primary: .*to_int/)]);
    expect(keeper.status.keepsAllOnPrimary).toEqual([CAST.name]);
    database.effects = [];
    keeper.refreshSoon();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(kindOf('SELECT * FROM product')).toBe('read');
    expect(warnings).toHaveLength(2);
    expect(keeper.status.keepsAllOnPrimary).toEqual([]);
  });

  it('says once why the catalog cannot be read', async () => {
    database.isDown = true;
    for (let load = 0; load < 3; load += 1) {
      keeper.refreshSoon();
      await jest.advanceTimersByTimeAsync(1_000);
    }
    expect(warnings).toHaveLength(1);
    expect(keeper.status.problem).toBe('down');
    database.isDown = false;
    keeper.refreshSoon();
    await jest.advanceTimersByTimeAsync(1_000);
    expect(keeper.status.problem).toBeNull();
  });
});
