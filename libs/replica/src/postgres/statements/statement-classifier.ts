import type { CatalogQuery, Classifier, LoadedCatalog } from '../../execution/database.js';
import { RememberedTexts } from '../../execution/statements/remembered-texts.js';
import type { Statement } from '../../execution/statements/statement.js';
import { TextCache } from '../../execution/statements/text-cache.js';
import { BUILT_IN_CATALOG, suspectsOf, type Catalog } from './catalog.js';
import { loadCatalog } from './load-catalog.js';
import { readText } from './read-text.js';

export interface StatementClassifierOptions {
  /** So many texts are kept with their class. 0 keeps none. Default 2000. */
  readonly cacheSize?: number;
}

const DEFAULT_CACHE_SIZE = 2000;
/** Longer texts are read each time: they hold their values and will hardly come again. */
const MAX_CACHED_CHARACTERS = 16_384;
/** Of all kept texts together: 4 Mi UTF-16 units, at most 8 MiB. */
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
 * Tells what a SQL text may do. Says `read` only of what provably reads: one statement whose every token was understood,
 * and whose every function, operator and relation is harmless by the database's own catalogs. Does no I/O: whoever owns
 * it loads the catalog ({@link loadCatalog}) and hands it in, at the start and when `needsCatalog` says so.
 *
 * Until a catalog is there, only everyday built-in functions count as harmless, and of a user's views, operators and types
 * nothing is known: load it before reads may leave the primary.
 */
export class StatementClassifier implements Classifier {
  readonly #cache: TextCache<Statement>;
  readonly #refused = new RememberedTexts(MAX_REMEMBERED_WRITES);
  #catalog: Catalog = BUILT_IN_CATALOG;
  #needsCatalog = true;

  constructor(options: StatementClassifierOptions = {}) {
    this.#cache = new TextCache(options.cacheSize ?? DEFAULT_CACHE_SIZE, MAX_CACHE_CHARACTERS);
  }

  /** There is no catalog yet, or a text named a function, operator or relation that it does not know. False again after
   *  `useCatalog`; how often to load one is the caller's to limit. */
  get needsCatalog(): boolean {
    return this.#needsCatalog;
  }

  /** A catalog was handed in. */
  get hasCatalog(): boolean {
    return this.#catalog !== BUILT_IN_CATALOG;
  }

  /** Some schema has a relation of that name. Without a catalog, any may be there. */
  knowsRelation(name: string): boolean {
    return this.#catalog.relations?.has(name) ?? true;
  }

  classify(text: string): Statement {
    const statement = this.#cache.get(text) ?? this.#read(text);
    this.#needsCatalog ||= statement.needsCatalog === true;
    return statement;
  }

  /** A replica refused the text as a write (SQLSTATE 25006): from now on it is one, whatever a catalog says. Gives what it is. */
  rememberAsWrite(text: string): Statement {
    this.#refused.add(text);
    this.#keep(text, REFUSED);
    return REFUSED;
  }

  async loadCatalog(query: CatalogQuery): Promise<LoadedCatalog> {
    const catalog = await loadCatalog(query);
    return { suspects: suspectsOf(catalog), use: () => this.useCatalog(catalog) };
  }

  /** Replaces what is known of the database; if that says something new, every text is read anew. Says whether it does. */
  useCatalog(catalog: Catalog): boolean {
    const isNew = catalog.revision !== this.#catalog.revision;
    this.#needsCatalog = false;
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
