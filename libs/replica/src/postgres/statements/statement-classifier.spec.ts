import { OTHERS } from '../../../../../test/support/statements/others.js';
import { COPIES, OTHER_READS, TYPEORM_READS } from '../../../../../test/support/statements/reads.js';
import { StatementClassifier } from './statement-classifier.js';

const classifier = new StatementClassifier();

describe('what a statement may do', () => {
  it.each(TYPEORM_READS)('is a read: %s', (text) => {
    expect(classifier.classify(text)).toMatchObject({
      kind: 'read',
      mayWrite: false,
      keepsConnection: false,
      changesCatalog: false,
    });
  });

  it.each(OTHER_READS)('is also a read: %s', (text) => {
    expect(classifier.classify(text)).toMatchObject({ kind: 'read' });
  });

  it.each(COPIES)('is a read and a COPY: %s', (text) => {
    expect(classifier.classify(text)).toMatchObject({ kind: 'read', isCopy: true });
  });

  it.each(OTHERS)('$kind: $text', ({ text, ...expected }) => {
    const { because, readOnly = false, needsCatalog, ...statement } = classifier.classify(text);
    expect({ transaction: undefined, ...statement, readOnly }).toEqual(expected);
    expect(because).toBeTruthy();
    expect(needsCatalog === undefined || expected.kind === 'unknown').toBe(true);
  });
});
