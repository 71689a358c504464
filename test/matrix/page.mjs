// The table of docs/compatibility.md, which holds the last result of each row.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const path = fileURLToPath(new URL('../../docs/compatibility.md', import.meta.url));
const MARK = '<!-- matrix: written by npm run matrix -->';
const HEAD =
  '| row | Node | PostgreSQL | TypeORM | Nest | pg | checks |\n| --- | --- | --- | --- | --- | --- | --- |';

/** A row's versions as cells. The binaries of PostgreSQL have a suffix of their own. */
export function cellsOf({ node, postgres, typeorm, nest, pg }, number) {
  return [String(number), node, postgres.replace(/\.0-.*$/, ''), typeorm, nest, pg];
}

const keyOf = (cells) => cells.slice(1, 6).join(' ');

/** The results that the page tells, by the versions of their rows. */
function resultsIn(page) {
  const lines = (page.split(MARK)[1] ?? '').split('\n').filter((line) => line.startsWith('| '));
  const cells = lines.map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
  return new Map(cells.map((row) => [keyOf(row), row[6]]));
}

/** Writes the table anew. `results`: what new runs came to, by the number of their row; the others stay as they are. */
export async function writeResults(rows, results) {
  const page = await readFile(path, 'utf8');
  const known = resultsIn(page);
  const lines = rows.map((row, index) => {
    const cells = cellsOf(row, index + 1);
    const result = results.get(index + 1) ?? known.get(keyOf(cells)) ?? 'not run yet';
    return `| ${[...cells, result].join(' | ')} |`;
  });
  const [before, , after] = page.split(MARK);
  await writeFile(path, `${before}${MARK}\n\n${HEAD}\n${lines.join('\n')}\n\n${MARK}${after}`);
}
