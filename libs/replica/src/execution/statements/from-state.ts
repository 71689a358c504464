/** How far the reader is in the list of relations after FROM. */
export const FromState = {
  /** not in a list */
  none: 0,
  /** before a relation, a function or a parenthesis */
  item: 1,
  /** inside its name, which may be qualified */
  name: 2,
  /** after it; an alias may follow */
  after: 3,
  /** after the alias */
  aliased: 4,
  /** in a condition of a join, or in arguments behind a relation */
  condition: 5,
} as const;

/** The deepest nesting that is read. The server's own stack ends in this region, too. */
export const MAX_DEPTH = 1000;
