export type { Catalog } from './catalog.js';
export { suspectsOf } from './catalog.js';
export { loadCatalog } from './load-catalog.js';
export type { CatalogQuery } from './load-catalog.js';
export { STATEMENT_KINDS, TRANSACTION_STEPS } from './statement.js';
export type { Statement, StatementKind, TransactionStep } from './statement.js';
export { StatementClassifier } from './statement-classifier.js';
export type { StatementClassifierOptions } from './statement-classifier.js';
