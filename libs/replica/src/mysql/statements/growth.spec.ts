import { describe, expect, it } from '@jest/globals';
import { SHAPES } from '../../../../../test/support/mysql/shapes.js';
import { countSteps } from '../../../../../test/support/statements/count-steps.js';
import { BUILT_IN_CATALOG } from './catalog.js';
import { readText } from './read-text.js';
import { StatementClassifier } from './statement-classifier.js';

const stepsOf = countSteps(/\/(?:mysql|execution)\/statements\//);

/** Enough for 150,000 tokens of some fifty steps each, or for a million characters of names and comments. */
const MOST_STEPS = 12_000_000;

describe('the steps to read a text of MySQL', () => {
  it('are counted', () => {
    const one = stepsOf(() => readText('SELECT 1', BUILT_IN_CATALOG));
    const many = stepsOf(() => readText(`SELECT 1${', 1'.repeat(1000)}`, BUILT_IN_CATALOG));
    expect(one).toBeGreaterThan(10);
    expect(many).toBeGreaterThan(one + 10_000);
  });

  it.each(Object.keys(SHAPES))('grow no faster than the text: %s', (name) => {
    const steps = [4_000, 8_000, 16_000, 32_000].map((length) => {
      const text = SHAPES[name]!(length);
      return stepsOf(() => readText(text, BUILT_IN_CATALOG));
    });
    const isLinear = steps.slice(1).every((more, index) => more <= 2.2 * steps[index]! + 2_000);
    expect({ steps, isLinear }).toMatchObject({ isLinear: true });
  });

  it.each(Object.keys(SHAPES))('are bounded: %s', (name) => {
    const text = SHAPES[name]!(1_000_000);
    expect(stepsOf(() => readText(text, BUILT_IN_CATALOG))).toBeLessThan(MOST_STEPS);
  });

  it('are few if the text is too long to be read', () => {
    const text = `SELECT '${'a'.repeat(2_000_000)}'`;
    expect(stepsOf(() => readText(text, BUILT_IN_CATALOG))).toBeLessThan(100);
    expect(readText(text, BUILT_IN_CATALOG).kind).toBe('unknown');
  });
});

describe('a long list of values', () => {
  it.each<[string, (index: number) => string]>([
    ['parameters', () => '?'],
    ['texts', (index) => `'value ${index}'`],
    ['numbers', (index) => String(index)],
  ])('is still a read: %s', (_name, value) => {
    const classifier = new StatementClassifier();
    const list = Array.from({ length: 65_535 }, (_, index) => value(index)).join(', ');
    expect(classifier.classify(`SELECT id FROM product WHERE name IN (${list})`).kind).toBe('read');
  });
});
