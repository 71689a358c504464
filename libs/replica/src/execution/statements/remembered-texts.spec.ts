import { RememberedTexts } from './remembered-texts.js';
import { StatementClassifier } from '../../postgres/statements/statement-classifier.js';

describe('RememberedTexts', () => {
  it('remembers the newest texts', () => {
    const texts = new RememberedTexts(3);
    for (const text of ['a', 'b', 'c', 'd']) texts.add(text);
    expect(['a', 'b', 'c', 'd'].map((text) => texts.has(text))).toEqual([false, true, true, true]);
    expect(texts.size).toBe(3);
  });

  it('remembers texts of any length', () => {
    const texts = new RememberedTexts(3);
    const long = 'x'.repeat(100_000);
    texts.add(`${long}1`);
    expect([texts.has(`${long}1`), texts.has(`${long}2`), texts.has(long)]).toEqual([true, false, false]);
  });

  it('keeps refused texts writes however many other texts come', () => {
    const classifier = new StatementClassifier({ cacheSize: 10 });
    const long = `SELECT '${'x'.repeat(20_000)}'`;
    for (const text of ['SELECT 1', long]) {
      expect(classifier.classify(text).kind).toBe('read');
      classifier.rememberAsWrite(text);
      for (let other = 0; other < 100; other += 1) classifier.classify(`SELECT ${other}, 1`);
      expect(classifier.classify(text)).toMatchObject({ kind: 'write', mayWrite: true });
    }
  });
});
