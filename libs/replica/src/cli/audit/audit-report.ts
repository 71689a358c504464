import type { Classifier } from '../../execution/database.js';
import type { Statement } from '../../execution/statements/statement.js';
import type { StatementKind } from '../../routing/route-query.js';
import type { PrimaryReason } from '../../routing/route.js';
import type { Verdict, Verdicts } from '../verdict.js';
import { formatCount } from '../units.js';
import type { CountedText, StatementStatistics } from './statement-statistics.js';

/** How many statements, and how long they took together. */
export interface Load {
  /** Different texts, without their literals. */
  readonly texts: number;
  readonly calls: number;
  /** Milliseconds. */
  readonly totalMs: number;
}

/** Statements that stay on the primary for one reason. */
export interface ReasonLoad extends Load {
  /** As in events and headers. `cut-off`: the server keeps only the beginning of the text. */
  readonly reason: PrimaryReason | 'cut-off';
}

/** Statements that stay on the primary, and differ only in their literals. */
export interface StayingText {
  /** With `?` in place of each literal, as in `router.stats().patterns`. */
  readonly text: string;
  readonly kind: StatementKind | null;
  readonly reason: ReasonLoad['reason'];
  /** Why, in words. */
  readonly why: string;
  readonly calls: number;
  readonly totalMs: number;
}

/** How much of a server's load may leave it. */
export interface AuditReport {
  readonly source: string;
  readonly since: string | null;
  /** All whose texts the server shows. */
  readonly all: Load;
  /** What replicas could have answered, outside transactions. */
  readonly mayLeave: Load;
  /** Why the rest stays; what takes longest first. */
  readonly stays: readonly ReasonLoad[];
  /** The statements that stay; what takes longest first. */
  readonly top: readonly StayingText[];
  /** Those whose texts the server does not show: nobody can tell where they could run. */
  readonly hidden: Load;
  /** How many transactions were begun: what is read inside them stays as well, and the statistics do not tell it apart. */
  readonly transactions: number;
  /** What keeps every read on the primary in this database. */
  readonly keepsAllOnPrimary: readonly string[];
  readonly notes: readonly string[];
}

interface JudgedText {
  readonly counted: CountedText;
  readonly statement: Statement | undefined;
  readonly verdict: Verdict | undefined;
}

const NOTHING: Load = { texts: 0, calls: 0, totalMs: 0 };

function isHidden({ text }: CountedText): boolean {
  return text === null;
}

/** Judges all that a server has counted. `top`: how many statements to tell of. */
export function auditReport(
  statistics: StatementStatistics,
  {
    classifier,
    patternOf,
    verdicts,
    suspects,
    top,
  }: {
    readonly classifier: Pick<Classifier, 'classify'>;
    /** Takes the literals out of a text. */
    readonly patternOf: (text: string) => string;
    readonly verdicts: Pick<Verdicts, 'of'>;
    readonly suspects: readonly string[];
    readonly top: number;
  },
): AuditReport {
  const hidden = statistics.texts.filter(isHidden).map((counted) => ({ counted }));
  const visible = statistics.texts.filter((counted) => !isHidden(counted));
  const judged = visible.map((counted): JudgedText => {
    const statement = readBest(counted.candidates, classifier);
    return { counted, statement, verdict: statement === undefined ? undefined : verdicts.of(statement) };
  });
  const leaving = judged.filter(({ verdict }) => verdict?.mayLeave === true);
  const staying = judged.filter(({ verdict }) => verdict?.mayLeave !== true);
  return {
    source: statistics.source,
    since: statistics.since,
    all: loadOf(judged),
    mayLeave: loadOf(leaving),
    stays: reasonsOf(staying),
    top: stayingTexts(staying, patternOf).slice(0, top),
    hidden: loadOf(hidden),
    transactions: judged
      .filter(({ statement }) => statement?.transaction === 'begin')
      .reduce((sum, { counted }) => sum + counted.calls, 0),
    keepsAllOnPrimary: suspects,
    notes: hidden.length === 0 ? statistics.notes : [...statistics.notes, hiddenNote(hidden, statistics)],
  };
}

/** The statement of the first candidate that is a read, or else of the first. */
function readBest(
  candidates: readonly string[],
  classifier: Pick<Classifier, 'classify'>,
): Statement | undefined {
  const statements = candidates.map((text) => classifier.classify(text));
  return statements.find(({ kind }) => kind === 'read') ?? statements[0];
}

/** What takes longest first. */
function byLoad(a: Pick<Load, 'totalMs' | 'calls'>, b: Pick<Load, 'totalMs' | 'calls'>): number {
  return b.totalMs - a.totalMs || b.calls - a.calls;
}

function loadOf(judged: readonly Pick<JudgedText, 'counted'>[]): Load {
  return judged.reduce(
    (sum, { counted }) => ({
      texts: sum.texts + 1,
      calls: sum.calls + counted.calls,
      totalMs: sum.totalMs + counted.totalMs,
    }),
    NOTHING,
  );
}

function hiddenNote(
  hidden: readonly Pick<JudgedText, 'counted'>[],
  { whyHidden }: Pick<StatementStatistics, 'whyHidden'>,
): string {
  return `${formatCount(loadOf(hidden).calls)} calls are left out, because the server does not show their texts: ${whyHidden}`;
}

function reasonOf({ verdict }: JudgedText): ReasonLoad['reason'] {
  return verdict?.reason ?? 'cut-off';
}

function reasonsOf(staying: readonly JudgedText[]): readonly ReasonLoad[] {
  const reasons = new Set(staying.map(reasonOf));
  return Array.from(reasons, (reason) => ({
    reason,
    ...loadOf(staying.filter((one) => reasonOf(one) === reason)),
  })).toSorted(byLoad);
}

/** One entry for all that have the same text without literals; what takes longest first. */
function stayingTexts(
  staying: readonly JudgedText[],
  patternOf: (text: string) => string,
): readonly StayingText[] {
  const found = new Map<string, StayingText>();
  for (const judged of staying) {
    const { counted, statement, verdict } = judged;
    const text = patternOf(counted.text ?? '');
    const why = verdict?.why ?? counted.problem ?? '';
    const key = `${why}\0${text}`;
    const { calls = 0, totalMs = 0 } = found.get(key) ?? {};
    found.set(key, {
      text,
      kind: statement?.kind ?? null,
      reason: reasonOf(judged),
      why,
      calls: calls + counted.calls,
      totalMs: totalMs + counted.totalMs,
    });
  }
  return [...found.values()].toSorted(byLoad);
}
