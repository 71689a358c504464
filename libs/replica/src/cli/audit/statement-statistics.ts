/** What a server has counted of the statements of one text. */
export interface CountedText {
  /**
   * Texts as somebody may have sent them, for the same statement without its literals. The first is the likeliest; a later one is looked
   * at if the first makes no sense, because what the server puts in place of a literal is not allowed everywhere. Empty: the server does
   * not show it.
   */
  readonly candidates: readonly string[];
  /** The text as the server has it, which may hold literals; `null`: it does not show it. */
  readonly text: string | null;
  /** Why nobody knows what it is. Absent: the text is whole. */
  readonly problem?: string;
  readonly calls: number;
  /** How long they took together; milliseconds. */
  readonly totalMs: number;
}

/** What a server has counted. */
export interface StatementStatistics {
  /** Where the counts come from. */
  readonly source: string;
  /** When counting began, as the server writes it; `null`: it does not tell. */
  readonly since: string | null;
  readonly texts: readonly CountedText[];
  /** What limits these counts, for people. */
  readonly notes: readonly string[];
  /** Why the server does not show some texts, and what to do about it. */
  readonly whyHidden: string;
}
