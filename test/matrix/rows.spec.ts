import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';

type Factor = 'node' | 'postgres' | 'typeorm' | 'nest' | 'pg';
type Row = Readonly<Record<Factor, string>>;

const { factors, rows } = JSON.parse(readFileSync('test/matrix/rows.json', 'utf8')) as {
  readonly factors: Readonly<Record<Factor, readonly string[]>>;
  readonly rows: readonly Row[];
};
const names = Object.keys(factors) as Factor[];
const majorsOf = (factor: Factor): string[] => factors[factor].map((version) => version.split('.')[0] ?? '');

const pairsOf = (row: Row): string[] =>
  names.flatMap((one, index) =>
    names.slice(index + 1).map((other) => `${one} ${row[one]} with ${other} ${row[other]}`),
  );

describe('the matrix of versions', () => {
  it('has each version that the library says to support', () => {
    expect(majorsOf('node')).toEqual(['20', '22', '24', '26']);
    expect(majorsOf('postgres')).toEqual(['14', '15', '16', '17', '18']);
    expect(majorsOf('nest')).toEqual(['11', '12']);
    expect(factors.typeorm).toContain('0.3.20');
    expect(majorsOf('typeorm')).toContain('1');
    expect(factors.pg[0]).toBe('8.11.0');
  });

  it('takes every two versions together in some row', () => {
    const wanted = names.flatMap((one, index) =>
      names
        .slice(index + 1)
        .flatMap((other) =>
          factors[one].flatMap((a) => factors[other].map((b) => `${one} ${a} with ${other} ${b}`)),
        ),
    );
    const covered = new Set(rows.flatMap(pairsOf));
    expect(wanted.filter((pair) => !covered.has(pair))).toEqual([]);
  });

  it('has only these versions in its rows, and no row twice', () => {
    for (const row of rows) for (const name of names) expect(factors[name]).toContain(row[name]);
    expect(new Set(rows.map((row) => JSON.stringify(row))).size).toBe(rows.length);
  });

  it('has one row in the checks that guard main: the oldest PostgreSQL, TypeORM, Nest and pg', () => {
    const number = Number(
      /npm run -s matrix -- --built --no-page (\d+)$/m.exec(readFileSync('.ci/run', 'utf8'))?.[1],
    );
    const { postgres, typeorm, nest, pg } = rows[number - 1] as Row;
    const oldest = [factors.postgres[0], factors.typeorm[0], factors.nest[0], factors.pg[0]];
    expect([postgres, typeorm, nest, pg]).toEqual(oldest);
    expect(readFileSync('docs/compatibility.md', 'utf8')).toContain(`\`.ci/run\` runs row ${number}:`);
  });

  it('is the one whose results the page tells, and each row passed', () => {
    const page = readFileSync('docs/compatibility.md', 'utf8');
    const lines = page.split('\n').filter((line) => /^\| \d+ +\|/.test(line));
    expect(
      lines.map((line) =>
        line
          .split('|')
          .slice(2, -2)
          .map((cell) => cell.trim()),
      ),
    ).toEqual(
      rows.map(({ node, postgres, typeorm, nest, pg }) => [
        node,
        postgres.replace(/\.0-.*$/, ''),
        typeorm,
        nest,
        pg,
      ]),
    );
    expect(lines.filter((line) => !/\| \d+ passed +\|$/.test(line))).toEqual([]);
  });
});
