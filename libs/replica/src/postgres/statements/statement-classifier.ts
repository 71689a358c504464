import type { CatalogQuery, Classifier, LoadedCatalog } from '../../execution/database.js';
import { RememberedTexts } from '../../execution/statements/remembered-texts.js';
import type { Statement } from '../../execution/statements/statement.js';
import { TextCache } from '../../execution/statements/text-cache.js';
import { BUILT_IN_CATALOG, suspectsOf, type Catalog } from './catalog.js';
import { loadCatalog } from './load-catalog.js';
import { readText } from './read-text.js';

interface StatementClassifierOptions {
  /** The number of classified texts to cache; 0 disables the cache. Default 2000. */
  readonly cacheSize?: number;
}

const DEFAULT_CACHE_SIZE = 2000;
/** Longer texts are classified each time. They contain their values, so they seldom recur. */
const MAX_CACHED_CHARACTERS = 16_384;
/** The limit for all cached texts together: 4 Mi UTF-16 units, at most 8 MiB. */
const MAX_CACHE_CHARACTERS = 4 * 1024 * 1024;
const MAX_REMEMBERED_WRITES = 1000;

const REFUSED: Statement = Object.freeze({
  kind: 'write',
  because: 'a replica refused it as a write',
  mayWrite: true,
  keepsConnection: false,
  changesCatalog: false,
});

/**
 * Classifies SQL texts. A text is a `read` only if it provably reads: one statement in which every token is understood, and every
 * function, operator and relation is harmless according to the database's own catalogs. Classifying does no I/O. The owner loads the
 * catalog at the start and again when a statement `needsCatalog`.
 *
 * Until then, only everyday built-in functions count as harmless, and the classifier knows nothing of the user's views, operators and
 * types. So load the catalog before reads may leave the primary.
 */
export class StatementClassifier implements Classifier {
  readonly #cache: TextCache<Statement>;
  readonly #refused = new RememberedTexts(MAX_REMEMBERED_WRITES);
  #catalog: Catalog = BUILT_IN_CATALOG;

  constructor(options: StatementClassifierOptions = {}) {
    this.#cache = new TextCache(options.cacheSize ?? DEFAULT_CACHE_SIZE, MAX_CACHE_CHARACTERS);
  }

  get hasCatalog(): boolean {
    return this.#catalog !== BUILT_IN_CATALOG;
  }

  /** Without a catalog, any relation may exist. */
  knowsRelation(name: string): boolean {
    return this.#catalog.relations?.has(name) ?? true;
  }

  classify(text: string): Statement {
    return this.#cache.get(text) ?? this.#read(text);
  }

  /** A replica refused the text as a write (SQLSTATE 25006). From now on it counts as one, whatever the catalog says. */
  rememberAsWrite(text: string): Statement {
    this.#refused.add(text);
    this.#keep(text, REFUSED);
    return REFUSED;
  }

  async loadCatalog(query: CatalogQuery): Promise<LoadedCatalog> {
    const catalog = await loadCatalog(query);
    return { suspects: suspectsOf(catalog), use: () => this.useCatalog(catalog) };
  }

  /** Replaces the catalog and, if it differs, clears the cache. Returns whether it differs. */
  useCatalog(catalog: Catalog): boolean {
    const isNew = catalog.revision !== this.#catalog.revision;
    if (!isNew) return false;
    this.#catalog = catalog;
    this.#cache.clear();
    return true;
  }

  #read(text: string): Statement {
    const finding = readText(text, this.#catalog);
    const statement = finding.kind === 'read' && this.#refused.has(text) ? REFUSED : finding.toStatement();
    this.#keep(text, statement);
    return statement;
  }

  #keep(text: string, statement: Statement): void {
    if (text.length <= MAX_CACHED_CHARACTERS) this.#cache.set(text, statement);
  }
}
