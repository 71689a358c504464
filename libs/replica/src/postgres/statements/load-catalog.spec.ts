import { loadCatalog, NAMES_QUERY } from './load-catalog.js';
import { StatementClassifier } from './statement-classifier.js';
import type { CatalogQuery } from '../../execution/database.js';

const NAMES = {
  strings: 'on',
  functions: '["lower", "nextval", "mine", "harmless"]',
  operators: '["=", "+", "<!>"]',
  relations: '["product", "a_view"]',
};

/** Answers as a driver does, which may give numbers as text. */
function answers(
  effects: readonly Record<string, unknown>[],
  names: Record<string, unknown> = NAMES,
): CatalogQuery {
  return (sql) => Promise.resolve(sql === NAMES_QUERY ? [names] : effects);
}

describe('a loaded catalog', () => {
  it('combines the effects of all objects with one name', async () => {
    const catalog = await loadCatalog(
      answers([
        { kind: 'function', name: 'mine', effects: '1' },
        { kind: 'function', name: 'mine', effects: 8 },
        { kind: 'mention', name: 'a_view', effects: 1 },
        { kind: 'operator', name: '<!>', effects: 1 },
      ]),
    );
    expect(catalog.functions.get('mine')).toBe(9);
    expect(catalog.functions.get('harmless')).toBe(0);
    const classifier = new StatementClassifier();
    classifier.useCatalog(catalog);
    expect(classifier.classify('SELECT mine()')).toMatchObject({
      kind: 'unknown',
      mayWrite: true,
      keepsConnection: true,
    });
    expect(classifier.classify('SELECT harmless() FROM product').kind).toBe('read');
    expect(classifier.classify('SELECT harmless() FROM a_view').kind).toBe('unknown');
    expect(classifier.classify('SELECT <!> 1').kind).toBe('unknown');
    expect(classifier.classify('SELECT 1 + 1').kind).toBe('read');
  });

  it('lets no text be a read while a comparison or an implicit cast has effects', async () => {
    for (const effects of [
      { kind: 'any', name: 'operator = (text, integer) with function mine', effects: 1 },
      { kind: 'any', name: 'cast (text as integer) with function mine', effects: 1 },
    ]) {
      const classifier = new StatementClassifier();
      classifier.useCatalog(await loadCatalog(answers([effects])));
      expect(classifier.classify('SELECT name FROM product')).toMatchObject({
        kind: 'unknown',
        because: `may use the ${effects.name}`,
      });
    }
  });

  it('replaces cached statements only if it differs from the last catalog', async () => {
    const classifier = new StatementClassifier();
    classifier.useCatalog(await loadCatalog(answers([])));
    const before = classifier.classify('SELECT unheard_of()');
    expect([before.needsCatalog, classifier.hasCatalog]).toEqual([true, true]);
    classifier.useCatalog(await loadCatalog(answers([])));
    expect(classifier.classify('SELECT unheard_of()')).toBe(before);
    classifier.useCatalog(await loadCatalog(answers([], { ...NAMES, functions: '["unheard_of"]' })));
    expect(classifier.classify('SELECT unheard_of()').kind).toBe('read');
  });

  it('is missing at first', () => {
    const classifier = new StatementClassifier();
    expect([classifier.classify('SELECT mine()').needsCatalog, classifier.hasCatalog]).toEqual([true, false]);
  });

  it('knows which relations exist', async () => {
    const classifier = new StatementClassifier();
    const known = (): boolean[] => ['product', 'unheard_of'].map((name) => classifier.knowsRelation(name));
    expect(known()).toEqual([true, true]);
    classifier.useCatalog(await loadCatalog(answers([])));
    expect(known()).toEqual([true, false]);
  });

  it('is refused if its rows have another shape', async () => {
    await expect(loadCatalog(() => Promise.resolve([]))).rejects.toThrow(TypeError);
    await expect(loadCatalog(answers([], { functions: '{}' }))).rejects.toThrow(TypeError);
  });

  it('treats backslashes as ordinary characters only if the server says so', async () => {
    for (const [strings, kind] of [
      ['on', 'read'],
      ['off', 'unknown'],
      [null, 'unknown'],
    ]) {
      const classifier = new StatementClassifier();
      classifier.useCatalog(await loadCatalog(answers([], { ...NAMES, strings })));
      expect(classifier.classify(String.raw`SELECT 'a\'`).kind).toBe(kind);
    }
  });
});
