import { Finding } from './finding.js';

/** Longer texts are not read, because that would take too long. Reads of this length are lists of values, which should be parameters. */
const MAX_CHARACTERS = 1024 * 1024;
const MAX_STATEMENTS = 1000;

/** The tokens of a text, of which only two kinds matter here. */
interface Tokens {
  readonly text: string;
  /** The type of the current token. */
  readonly type: number;
  next(): number;
}

/**
 * Finds out what a SQL text may do, statement by statement. A text with too many characters or statements counts as unparsable.
 *
 * @param readStatement reads one statement, up to its semicolon or the end of the text
 */
export function readStatements(
  tokens: Tokens,
  { end, semicolon }: { readonly end: number; readonly semicolon: number },
  readStatement: (finding: Finding) => void,
): Finding {
  if (tokens.text.length > MAX_CHARACTERS) return unparsable('longer than is read');
  const findings: Finding[] = [];
  tokens.next();
  while (tokens.type !== end) {
    if (tokens.type === semicolon) {
      tokens.next();
      continue;
    }
    const finding = new Finding();
    findings.push(finding);
    readStatement(finding);
    if (findings.length > MAX_STATEMENTS) finding.noteUnparsable('more statements than are read');
    if (finding.isUnparsable) break;
  }
  // The server may take the first NUL for the end of the text.
  if (tokens.text.includes('\0')) findings.push(unparsable('not understood'));
  const [first, ...others] = findings;
  if (first === undefined) return empty();
  return others.length === 0 ? first : joined(findings);
}

function unparsable(because: string): Finding {
  const finding = new Finding();
  finding.noteUnparsable(because);
  return finding;
}

function empty(): Finding {
  const finding = new Finding();
  finding.note('unknown', 'empty');
  return finding;
}

/** Several statements are never a read, even if each one is: they go to the primary together. */
function joined(findings: readonly Finding[]): Finding {
  const all = new Finding();
  const [kind, ...otherKinds] = new Set(findings.map((finding) => finding.kind));
  all.note(
    kind === undefined || kind === 'read' || otherKinds.length > 0 ? 'unknown' : kind,
    'several statements',
  );
  for (const finding of findings) {
    all.noteFlags(finding);
    all.mayWrite ||= finding.kind !== 'read';
    if (
      finding.transaction === undefined ||
      (finding.transaction === 'other' && all.transaction !== undefined)
    )
      continue;
    all.transaction = finding.transaction;
    all.readOnly = finding.readOnly;
  }
  return all;
}
