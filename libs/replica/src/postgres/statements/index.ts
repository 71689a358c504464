export type { Catalog } from './catalog.js';
export { suspectsOf } from './catalog.js';
export { loadCatalog } from './load-catalog.js';
export type { CatalogQuery } from '../../execution/database.js';
export { STATEMENT_KINDS, TRANSACTION_STEPS } from '../../execution/statements/statement.js';
export type { Statement, StatementKind, TransactionStep } from '../../execution/statements/statement.js';
export { StatementClassifier } from './statement-classifier.js';
export type { StatementClassifierOptions } from './statement-classifier.js';
