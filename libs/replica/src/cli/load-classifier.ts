import type { CatalogQuery, Classifier, Database } from '../execution/database.js';

/** A classifier that knows the functions and tables of the database. `suspects`: what keeps every read on the primary, in words. */
export async function loadClassifier(
  database: Database,
  query: CatalogQuery,
): Promise<{ readonly classifier: Classifier; readonly suspects: readonly string[] }> {
  const classifier = database.createClassifier();
  const catalog = await classifier.loadCatalog((sql) => query(marked(sql)));
  catalog.use();
  return { classifier, suspects: catalog.suspects };
}

/** PostgreSQL 18 leaves out what stands before the first word when it counts statements. */
function marked(sql: string): string {
  return sql.replace(/^\s*\w+/, '$& /* nestjs-replica: catalog */');
}
