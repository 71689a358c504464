import {
  CatalogClassifier,
  type ClassifierOptions,
  type SqlDialect,
} from '../../execution/statements/catalog-classifier.js';
import { BUILT_IN_CATALOG, suspectsOf, type Catalog } from './catalog.js';
import { loadCatalog } from './load-catalog.js';
import { readText } from './read-text.js';

const POSTGRES: SqlDialect<Catalog> = {
  builtIn: BUILT_IN_CATALOG,
  readText,
  loadCatalog,
  knowsRelation: ({ relations }, name) => relations?.has(name) ?? true,
  suspectsOf,
};

/** Classifies texts for PostgreSQL. */
export class StatementClassifier extends CatalogClassifier<Catalog> {
  constructor(options?: ClassifierOptions) {
    super(POSTGRES, options);
  }
}
