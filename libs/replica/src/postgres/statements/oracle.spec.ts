import { Effect } from '../../execution/statements/effects.js';
import { loadModule, scanSync } from 'libpg-query';
import { SqlGenerator } from '../../../../../test/support/statements/generate-sql.js';
import { objectionsTo, tablesOf, type Oracle } from '../../../../../test/support/statements/oracle.js';
import { OTHERS } from '../../../../../test/support/statements/others.js';
import { Random } from '../../../../../test/support/statements/random.js';
import { OTHER_READS, TYPEORM_READS } from '../../../../../test/support/statements/reads.js';
import { parseTableName } from '../../routing/table-name.js';
import { BUILT_IN_CATALOG, type Catalog } from './catalog.js';
import { StatementClassifier } from './statement-classifier.js';
import { Token, Tokenizer } from './tokenizer.js';

/** For a longer search, set more texts or another seed: `ORACLE_TEXTS=60000 ORACLE_SEED=7`. */
const TEXTS = Number(process.env.ORACLE_TEXTS ?? 2000);
const SEED = Number(process.env.ORACLE_SEED ?? 1);

const catalog = { ...BUILT_IN_CATALOG, plainBackslashes: true, revision: 'test' };
const oracle: Oracle = {
  isHarmlessFunction: (name) => catalog.functions.get(name) === 0,
  isHarmlessOperator: (name) => catalog.operators.get(name) === 0,
};

/** Relations of the generator whose names are also those of columns and CTEs. */
const DANGEROUS_RELATIONS = new Map([
  ['order', Effect.primaryOnly],
  ['category', Effect.primaryOnly],
]);

function classifierOf(known: Catalog): StatementClassifier {
  const classifier = new StatementClassifier({ cacheSize: 0 });
  classifier.useCatalog(known);
  return classifier;
}

interface Tally {
  reads: number;
  others: number;
  readonly wronglyRead: string[];
  readonly lost: string[];
}

function tally(texts: Iterable<string>): Tally {
  const classifier = classifierOf(catalog);
  const result: Tally = { reads: 0, others: 0, wronglyRead: [], lost: [] };
  for (const text of texts) {
    const objections = objectionsTo(text, oracle);
    const isRead = classifier.classify(text).kind === 'read';
    if (objections === undefined) continue;
    if (objections.length > 0) {
      result.others += 1;
      if (isRead) result.wronglyRead.push(`${objections.join(', ')}: ${text}`);
    } else {
      result.reads += 1;
      if (!isRead) result.lost.push(text);
    }
  }
  return result;
}

function* generated(
  seed: number,
  options: { danger: number; oddness: number },
  mutated = false,
): Generator<string> {
  const generator = new SqlGenerator(new Random(seed), options);
  for (let count = 0; count < TEXTS; count += 1) yield mutated ? generator.mutated() : generator.text();
}

beforeAll(async () => {
  await loadModule();
});

describe('compared with the parser of PostgreSQL, the classifier', () => {
  it('calls no listed text a read if it is none', () => {
    const texts = [...TYPEORM_READS, ...OTHER_READS, ...OTHERS.map(({ text }) => text)];
    const { wronglyRead, reads, others } = tally(texts);
    expect(wronglyRead).toEqual([]);
    expect(Math.min(reads, others)).toBeGreaterThan(80);
  });

  it.each([
    { danger: 0.02, oddness: 0.05 },
    { danger: 0.1, oddness: 0.3 },
  ])('calls no generated text a read if it is none: $danger, $oddness', (options) => {
    const { wronglyRead, reads, others } = tally(generated(SEED, options));
    expect(wronglyRead).toEqual([]);
    expect(Math.min(reads, others)).toBeGreaterThan(TEXTS / 20);
  });

  it.each([
    { danger: 0, oddness: 0.05 },
    { danger: 0.05, oddness: 0.2 },
  ])('calls no damaged text a read if it is none: $danger, $oddness', (options) => {
    const { wronglyRead, reads, others } = tally(generated(SEED + 1, options, true));
    expect(wronglyRead).toEqual([]);
    expect(Math.min(reads, others)).toBeGreaterThan(0);
  });

  it('recognizes at least 99 in 100 reads', () => {
    const { lost, reads } = tally(generated(SEED + 2, { danger: 0, oddness: 0.02 }));
    expect(lost.length / reads).toBeLessThan(0.01);
  });

  it.each([
    { danger: 0, oddness: 0.02 },
    { danger: 0.05, oddness: 0.3 },
    { danger: 0, oddness: 0.1, mutated: true },
  ])('finds the same tables in every read: $danger, $oddness, $mutated', ({ mutated, ...options }) => {
    const texts = [...TYPEORM_READS, ...OTHER_READS, ...generated(SEED + 4, options, mutated)];
    const { compared, unlisted, different } = compareTables(texts);
    expect(different).toEqual([]);
    expect(compared).toBeGreaterThan(TEXTS / 20);
    expect(unlisted.length / compared).toBeLessThan(0.01);
  });

  it.each([
    { danger: 0, oddness: 0.02 },
    { danger: 0.05, oddness: 0.3 },
    { danger: 0, oddness: 0.1, mutated: true },
  ])(
    'objects to dangerous relations only if a text reads them: $danger, $oddness',
    ({ mutated, ...options }) => {
      const safe = classifierOf(catalog);
      const wary = classifierOf({ ...catalog, reads: DANGEROUS_RELATIONS, revision: 'wary' });
      const found = { dangerous: 0, harmless: 0, missed: [] as string[], lost: [] as string[] };
      for (const text of generated(SEED + 5, options, mutated)) {
        const tables = tablesOf(text);
        if (tables === undefined || safe.classify(text).kind !== 'read') continue;
        const isRead = wary.classify(text).kind === 'read';
        if (tables.some((table) => DANGEROUS_RELATIONS.has(parseTableName(table)!.name))) {
          found.dangerous += 1;
          if (isRead) found.missed.push(text);
        } else if (/order|category/.test(text)) {
          found.harmless += 1;
          if (!isRead) found.lost.push(text);
        }
      }
      expect(found.missed).toEqual([]);
      expect(Math.min(found.dangerous, found.harmless)).toBeGreaterThan(0);
      expect(found.lost.length / found.harmless).toBeLessThan(0.02);
    },
  );

  it('finds the same tokens in the same places', () => {
    let compared = 0;
    for (const text of generated(SEED + 3, { danger: 0.1, oddness: 0.3 }, true)) {
      const own = ownTokens(text);
      const theirs = theirTokens(text);
      if (own === undefined || theirs === undefined) continue;
      compared += 1;
      expect({ text, tokens: own }).toEqual({ text, tokens: theirs });
    }
    expect(compared).toBeGreaterThan(TEXTS / 2);
  });
});

interface TableTally {
  compared: number;
  readonly unlisted: string[];
  readonly different: unknown[];
}

function compareTables(texts: Iterable<string>): TableTally {
  const classifier = classifierOf(catalog);
  const result: TableTally = { compared: 0, unlisted: [], different: [] };
  for (const text of texts) {
    const statement = classifier.classify(text);
    if (statement.kind !== 'read') continue;
    result.compared += 1;
    if (statement.tables === undefined) {
      result.unlisted.push(text);
      continue;
    }
    const own = statement.tables.toSorted();
    const theirs = tablesOf(text);
    if (theirs !== undefined && own.join() !== theirs.join()) result.different.push({ text, own, theirs });
  }
  return result;
}

/** `undefined`: the text cannot be parsed, which is always allowed. */
function ownTokens(text: string): readonly string[] | undefined {
  const tokens = new Tokenizer(text, true);
  const found: string[] = [];
  while (tokens.next() !== Token.end) {
    if (tokens.type === Token.broken) return undefined;
    const token = text.slice(tokens.start, tokens.end);
    // The parser sees N'...' as two tokens, and a constant in two parts as one.
    if (/^n'/i.test(token)) found.push(token.slice(0, 1), token.slice(1));
    else if (token.startsWith("'") && found.at(-1)?.endsWith("'")) return undefined;
    else found.push(token);
  }
  return found;
}

function theirTokens(text: string): readonly string[] | undefined {
  try {
    return scanSync(text)
      .tokens.filter((token) => !token.tokenName.endsWith('COMMENT'))
      .map((token) => text.slice(token.start, token.end));
  } catch {
    return undefined;
  }
}
