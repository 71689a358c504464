import {
  CatalogClassifier,
  type ClassifierOptions,
  type SqlDialect,
} from '../../execution/statements/catalog-classifier.js';
import { BUILT_IN_CATALOG, type Catalog } from './catalog.js';
import { loadCatalog } from './load-catalog.js';
import { readText } from './read-text.js';

const MYSQL: SqlDialect<Catalog> = {
  builtIn: BUILT_IN_CATALOG,
  readText,
  loadCatalog,
  knowsRelation: ({ relations, foldsTables }, name) =>
    relations?.has(foldsTables ? name.toLowerCase() : name) ?? true,
  // Nothing happens that a text does not name: there are no operators, casts or row policies of users.
  suspectsOf: () => [],
};

/** Classifies texts for MySQL and MariaDB. */
export class StatementClassifier extends CatalogClassifier<Catalog> {
  constructor(options?: ClassifierOptions) {
    super(MYSQL, options);
  }
}
