import { describe, expect, it } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

const SOURCE = 'libs/replica/src';

/** Folders that know PostgreSQL: its own, and the kit that starts its servers. */
const OF_POSTGRES = ['postgres', 'testing'];

const EXCEPTIONS = [
  // What each database tells of itself, and what of it the command line shows.
  'cli/audit/postgres-statistics.ts',
  'cli/check/postgres-facts.ts',
  'cli/check/check-report.ts',
  'cli/check/find-problems.ts',
  'cli/check/observed-cluster.ts',
  'cli/check/show-report.ts',
  'cli/commands/status.ts',
  // Events and statuses that users see, whose fields keep their names.
  'observability/node-status.ts',
  'observability/router-events.ts',
  'prometheus/metric-table.ts',
].map((path) => join(SOURCE, path));

/** What only PostgreSQL has, however it is spelt: `walPosition`, `LSN`, `sqlState`. */
const WORDS = /\bWAL\b|\bwal(?![a-z])|Wal(?![a-z])|lsn|LSN|Lsn|SQLSTATE|[sS]ql_?[sS]tate|[tT]imeline/;

const folders = readdirSync(SOURCE, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && !OF_POSTGRES.includes(entry.name))
  .map((entry) => entry.name);

const filesOf = (folder: string): string[] =>
  readdirSync(join(SOURCE, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.spec.ts'))
    .map((path) => join(SOURCE, folder, path))
    .filter((path) => !EXCEPTIONS.includes(path));

function wordsOf(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, false, ts.LanguageVariant.Standard, text);
  const found: string[] = [];
  for (let kind = scanner.scan(); kind !== ts.SyntaxKind.EndOfFileToken; kind = scanner.scan()) {
    const isNamed =
      kind === ts.SyntaxKind.Identifier ||
      kind === ts.SyntaxKind.PrivateIdentifier ||
      kind === ts.SyntaxKind.SingleLineCommentTrivia ||
      kind === ts.SyntaxKind.MultiLineCommentTrivia;
    if (isNamed && WORDS.test(scanner.getTokenText())) {
      const line = text.slice(0, scanner.getTokenStart()).split('\n').length;
      found.push(`${file}:${line}: ${scanner.getTokenText().slice(0, 80)}`);
    }
  }
  return found;
}

describe('no name and no comment speaks of what only PostgreSQL has', () => {
  it.each(folders)('in %s/', (folder) => {
    expect(filesOf(folder).flatMap(wordsOf)).toEqual([]);
  });
});
