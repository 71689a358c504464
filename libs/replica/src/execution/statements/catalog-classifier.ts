import type { CatalogQuery, Classifier, LoadedCatalog } from '../database.js';
import type { Finding } from './finding.js';
import { RememberedTexts } from './remembered-texts.js';
import { statementOf, type Statement } from './statement.js';
import { TextCache } from './text-cache.js';

/** What every database's catalog tells. Immutable. */
export interface KnownCatalog {
  /** Equal for two catalogs that say the same. */
  readonly revision: string;
}

/** How one database reads texts, and what it knows. */
export interface SqlDialect<C extends KnownCatalog> {
  /** What is known before the database's own catalog is loaded. */
  readonly builtIn: C;
  /** Finds out what a text may do. Never throws. */
  readText(text: string, catalog: C): Finding;
  /** Rejects if a query fails, or gives something else than a catalog. */
  loadCatalog(query: CatalogQuery): Promise<C>;
  /** Whether any schema may have a table or view of that name. */
  knowsRelation(catalog: C, name: string): boolean;
  /** Describes, for people, what prevents every text from being a read. */
  suspectsOf(catalog: C): readonly string[];
}

/** How many texts a classifier keeps. */
export interface ClassifierOptions {
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
 * Classifies SQL texts. A text is a `read` only if it provably reads: one statement in which every token is understood, and every name is
 * harmless according to the database's own catalog. Classifying does no I/O. The owner loads the catalog at the start and again when a
 * statement `needsCatalog`.
 *
 * Until then, only what is built into the database counts as harmless, and the classifier knows nothing of what users have created. So
 * load the catalog before reads may leave the primary.
 */
export class CatalogClassifier<C extends KnownCatalog> implements Classifier {
  readonly #dialect: SqlDialect<C>;
  readonly #cache: TextCache<Statement>;
  readonly #refused = new RememberedTexts(MAX_REMEMBERED_WRITES);
  #catalog: C;

  constructor(dialect: SqlDialect<C>, options: ClassifierOptions = {}) {
    this.#dialect = dialect;
    this.#catalog = dialect.builtIn;
    this.#cache = new TextCache(options.cacheSize ?? DEFAULT_CACHE_SIZE, MAX_CACHE_CHARACTERS);
  }

  get hasCatalog(): boolean {
    return this.#catalog !== this.#dialect.builtIn;
  }

  /** Without a catalog, any relation may exist. */
  knowsRelation(name: string): boolean {
    return this.#dialect.knowsRelation(this.#catalog, name);
  }

  classify(text: string): Statement {
    return this.#cache.get(text) ?? this.#read(text);
  }

  /** A replica refused the text as a write. From now on it counts as one, whatever the catalog says. */
  rememberAsWrite(text: string): Statement {
    this.#refused.add(text);
    return this.#keep(text, REFUSED);
  }

  async loadCatalog(query: CatalogQuery): Promise<LoadedCatalog> {
    const catalog = await this.#dialect.loadCatalog(query);
    return { suspects: this.#dialect.suspectsOf(catalog), use: () => this.useCatalog(catalog) };
  }

  /** Replaces the catalog and, if it differs, clears the cache. Returns whether it differs. */
  useCatalog(catalog: C): boolean {
    const isNew = catalog.revision !== this.#catalog.revision;
    if (!isNew) return false;
    this.#catalog = catalog;
    this.#cache.clear();
    return true;
  }

  #read(text: string): Statement {
    const finding = this.#dialect.readText(text, this.#catalog);
    const statement = finding.kind === 'read' && this.#refused.has(text) ? REFUSED : finding.toStatement();
    return this.#keep(text, statement);
  }

  /** What stands for many texts is kept for each of them, because each has counts of its own. */
  #keep(text: string, statement: Statement): Statement {
    if (text.length > MAX_CACHED_CHARACTERS) return statement;
    const kept = statementOf(text, statement);
    this.#cache.set(text, kept);
    return kept;
  }
}
