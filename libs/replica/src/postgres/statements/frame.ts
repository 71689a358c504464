import { mayNameColumn, Role } from './keywords.js';

/** How far a list of relations behind FROM has been read. */
export const FromState = {
  /** not in one */
  none: 0,
  /** a relation, a function or a parenthesis comes */
  item: 1,
  /** inside its name, which may be qualified */
  name: 2,
  /** behind it: an alias may come */
  after: 3,
  /** behind the alias */
  aliased: 4,
  /** inside the condition of a join, or the arguments of TABLESAMPLE */
  condition: 5,
} as const;

/** How far a WITH list has been read. */
export const WithState = { none: 0, name: 1, named: 2 } as const;

/** Deeper texts are not read; the server's own stack ends in this region too. */
export const MAX_DEPTH = 1000;

/** What ends a frame. */
export type Closer = ')' | ']';

/**
 * What may stand in a frame: an expression or query; only names and types (column aliases, column definitions, USING (...));
 * what FROM takes: a query or joined relations.
 */
export type FrameShape = 'expression' | 'names' | 'relations';

/** What is known about one pair of parentheses or brackets, or about the statement as a whole. */
export interface Frame {
  readonly closer: Closer;
  readonly isNames: boolean;
  /** the arguments of a function, or what takes FILTER or OVER behind it all the same */
  isCall: boolean;
  /** the list of GROUP BY or GROUPING SETS */
  isGrouping: boolean;
  /** the arguments of `set_config` */
  isSetConfig: boolean;
  /** the arguments of CAST or TREAT: behind AS stands a type */
  isCast: boolean;
  /** SELECT was seen: a FROM is a list of relations */
  isQuery: boolean;
  /** a query could begin here */
  atStart: boolean;
  from: number;
  with: number;
  /** WITH RECURSIVE */
  isRecursive: boolean;
  /** the last name that WITH gave, until its query begins */
  givenName: string | undefined;
  /** the names that WITH has given in this frame */
  withNames: string[] | undefined;
  /** this frame is the query of that name in the WITH list around it */
  bodyOf: string | undefined;
}

export function newFrame(shape: FrameShape, closer: Closer = ')'): Frame {
  return {
    closer,
    isNames: shape === 'names',
    isCall: false,
    isGrouping: false,
    isSetConfig: false,
    isCast: false,
    isQuery: false,
    atStart: shape !== 'names' && closer === ')',
    from: shape === 'relations' ? FromState.item : FromState.none,
    with: WithState.none,
    isRecursive: false,
    givenName: undefined,
    withNames: undefined,
    bodyOf: undefined,
  };
}

/** A name behind this keyword or mark may be a type that something is converted to. */
export function mayBeType(before: string, { isNames, isCast, from }: Frame): boolean {
  if (before === '::' || before === 'returning' || isNames) return true;
  return before === 'as' ? isCast : from !== FromState.after && mayNameColumn(before);
}

/** What a keyword changes about the frame it stands in. */
export function enterClause(frame: Frame, role: number): void {
  const inList = frame.from !== FromState.none;
  switch (role) {
    case Role.select:
      frame.isQuery = true;
      frame.isGrouping = false;
      frame.with = WithState.none;
      frame.from = FromState.none;
      return;
    case Role.from:
      // Elsewhere it belongs to EXTRACT, SUBSTRING, TRIM ...
      if (frame.isQuery) frame.from = FromState.item;
      return;
    case Role.join:
      if (inList) frame.from = FromState.item;
      return;
    case Role.on:
    case Role.tablesample:
      if (inList) frame.from = FromState.condition;
      return;
    case Role.with:
      // Elsewhere WITH ORDINALITY, WITH TIES ...
      if (!frame.atStart) return;
      frame.with = WithState.name;
      frame.isRecursive = false;
      frame.from = FromState.none;
      return;
    case Role.table:
      // Elsewhere it would be a syntax error.
      if (!frame.atStart && frame.with !== WithState.named) return;
      frame.with = WithState.none;
      frame.from = FromState.item;
      return;
    case Role.group:
    case Role.clause:
    case Role.setOperation:
    case Role.for:
      frame.isGrouping = role === Role.group;
      frame.from = FromState.none;
      return;
    default:
  }
}
