import type { Classifier, LoadedCatalog } from '../../../libs/replica/src/execution/database.js';
import type { Statement } from '../../../libs/replica/src/execution/statements/statement.js';

const PLAIN = { mayWrite: false, keepsConnection: false, changesCatalog: false };

/** Knows only the texts of these tests. */
export class PlainClassifier implements Classifier {
  readonly hasCatalog = true;
  readonly #writes = new Set<string>();

  classify(text: string): Statement {
    if (!this.#writes.has(text) && /^select (?!.* for update)[^@]*$/i.test(text))
      return { ...PLAIN, kind: 'read' };
    if (/^start transaction/i.test(text))
      return { ...PLAIN, kind: 'transaction-control', transaction: 'begin' };
    if (/^(commit|rollback)/i.test(text))
      return { ...PLAIN, kind: 'transaction-control', transaction: 'end' };
    if (/^set session/i.test(text)) return { ...PLAIN, kind: 'session-change', keepsConnection: true };
    return { ...PLAIN, kind: 'write', mayWrite: true };
  }

  rememberAsWrite(text: string): Statement {
    this.#writes.add(text);
    return this.classify(text);
  }

  knowsRelation(): boolean {
    return true;
  }

  loadCatalog(): Promise<LoadedCatalog> {
    return Promise.resolve({ suspects: [], use: () => false });
  }
}
