import type { RouteReason } from '../routing/route.js';
import type { StatementKind } from '../routing/route-query.js';
import type { NodeRole } from '../topology/topology.js';
import { DurationHistogram } from './duration-histogram.js';
import type { PatternStats } from './router-stats.js';

/** How many patterns are told, and how many are counted at once. When there are more, the rarest are forgotten. */
const MOST_TOLD = 200;
const MOST_COUNTED = 400;

/** A statement, as far as patterns are concerned. */
interface CountedStatement {
  readonly kind: StatementKind;
  readonly tables?: readonly string[];
  readonly origin?: { readonly text: string; pattern: PatternCount | undefined };
}

/** How texts are read. */
export interface QueryPatternsOptions {
  /** The text without its literals and parameters. */
  readonly patternOf: (text: string) => string;
  /** Identifies a text without showing it. */
  readonly digestOf: (text: string) => string;
}

/** The counts of one pattern. */
export class PatternCount {
  readonly digest: string;
  readonly text: string;
  #durations = new DurationHistogram();
  kind: StatementKind;
  tables: readonly string[] | undefined;
  count = 0;
  failed = 0;
  onReplicas = 0;
  /** The rarest patterns are forgotten. Whoever still has one has to look it up anew. */
  isForgotten = false;
  #reasons = new Map<RouteReason, number>();

  constructor(digest: string, text: string, { kind, tables }: CountedStatement) {
    this.digest = digest;
    this.text = text;
    this.kind = kind;
    this.tables = tables;
  }

  /** A statement had its outcome. `role`: of the node that answered, or failed to; `null`: none was allowed to. */
  add(role: NodeRole | null, reason: RouteReason, durationMs: number): void {
    this.count++;
    if (role === 'replica') this.onReplicas++;
    this.#durations.add(durationMs);
    this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
  }

  get stats(): PatternStats {
    const { digest, text, tables = null, kind, count, onReplicas, failed } = this;
    const reasons = Object.fromEntries(this.#reasons);
    const [p50Ms, p95Ms] = [this.#durations.percentile(0.5), this.#durations.percentile(0.95)];
    return { digest, text, tables, kind, count, onReplicas, failed, reasons, p50Ms, p95Ms };
  }

  copy(): PatternCount {
    return this.since(new PatternCount(this.digest, this.text, this));
  }

  /** What was counted after `before`, which is a copy of this one. */
  since(before: PatternCount): PatternCount {
    const added = new PatternCount(this.digest, this.text, this);
    added.count = this.count - before.count;
    added.failed = this.failed - before.failed;
    added.onReplicas = this.onReplicas - before.onReplicas;
    added.#durations = this.#durations.since(before.#durations);
    for (const [reason, count] of this.#reasons) {
      const more = count - (before.#reasons.get(reason) ?? 0);
      if (more > 0) added.#reasons.set(reason, more);
    }
    return added;
  }
}

/** The counts of all patterns at one instant. A pattern that was forgotten and is counted anew is another one. */
export type PatternsMark = ReadonlyMap<PatternCount, PatternCount>;

/** Stands for all texts that are too long to be read again and again. */
const LONG_TEXT = '(texts that are too long to be remembered)';

/** Identifies the pattern of a statement, whether patterns are counted or not. */
export function patternDigestOf(
  { origin }: CountedStatement,
  { patternOf, digestOf }: QueryPatternsOptions,
): string {
  return origin?.pattern?.digest ?? digestOf(origin === undefined ? LONG_TEXT : patternOf(origin.text));
}

/**
 * Counts statements by what is left of their texts without literals and parameters. A text is read once; after that its count hangs on
 * its remembered classification. So a statement costs a few additions.
 */
export class QueryPatterns {
  readonly #options: QueryPatternsOptions;
  readonly #counts = new Map<string, PatternCount>();

  constructor(options: QueryPatternsOptions) {
    this.#options = options;
  }

  /** The count of the statement's pattern, to be changed by the caller. */
  of(statement: CountedStatement): PatternCount {
    const known = statement.origin?.pattern;
    return known === undefined || known.isForgotten ? this.#find(statement) : known;
  }

  /** The most frequent ones, the most frequent first. Makes new objects. */
  list(): PatternStats[] {
    return told(ranked([...this.#counts.values()]));
  }

  /** Copies all counts, for {@link listSince}. */
  mark(): PatternsMark {
    return new Map(Array.from(this.#counts.values(), (one) => [one, one.copy()]));
  }

  /** What was counted after that instant, as {@link list} tells it. */
  listSince(mark: PatternsMark): PatternStats[] {
    const added = Array.from(this.#counts.values(), (one) => {
      const before = mark.get(one);
      return before === undefined ? one : one.since(before);
    });
    return told(ranked(added.filter(({ count }) => count > 0)));
  }

  #find(statement: CountedStatement): PatternCount {
    const { origin, kind, tables } = statement;
    const { patternOf, digestOf } = this.#options;
    const text = origin === undefined ? LONG_TEXT : patternOf(origin.text);
    let found = this.#counts.get(text);
    if (found === undefined) {
      if (this.#counts.size >= MOST_COUNTED) this.#forgetRarest();
      this.#counts.set(text, (found = new PatternCount(digestOf(text), text, statement)));
    }
    // A newer catalog may tell something else of the same text.
    found.kind = kind;
    found.tables = tables;
    if (origin !== undefined) origin.pattern = found;
    return found;
  }

  #forgetRarest(): void {
    for (const rare of ranked([...this.#counts.values()]).slice(MOST_TOLD)) {
      rare.isForgotten = true;
      this.#counts.delete(rare.text);
    }
  }
}

function ranked(counts: readonly PatternCount[]): PatternCount[] {
  return counts.toSorted((one, other) => other.count - one.count);
}

function told(counts: readonly PatternCount[]): PatternStats[] {
  return counts.slice(0, MOST_TOLD).map(({ stats }) => stats);
}
