import { type CteFrame, WithState } from '../../execution/statements/cte-names.js';
import { FromState } from '../../execution/statements/from-state.js';
import { mayNameColumn, Role } from './keywords.js';
import { Token, type Tokenizer } from './tokenizer.js';

export type Closer = ')' | ']';

/**
 * What a frame may contain:
 *
 * - `expression`: an expression or a query
 * - `names`: only names and types, as in column aliases, column definitions and USING (...)
 * - `relations`: what FROM takes, a query or joined relations
 */
type FrameShape = 'expression' | 'names' | 'relations';

/** The reader's state in one pair of parentheses or brackets, or in the statement as a whole. */
export interface Frame extends CteFrame {
  readonly closer: Closer;
  readonly isNames: boolean;
  /** the arguments of a function, or of a construct that can also have FILTER or OVER after it */
  isCall: boolean;
  /** the list of GROUP BY or GROUPING SETS */
  isGrouping: boolean;
  /** the arguments of `set_config` */
  isSetConfig: boolean;
  /** the arguments of CAST or TREAT, where a type follows AS */
  isCast: boolean;
  /** SELECT was read, so FROM begins a list of relations */
  isQuery: boolean;
  /** a query could begin here */
  atStart: boolean;
  from: number;
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
    pendingCte: undefined,
    cteNames: undefined,
    bodyOf: undefined,
  };
}

/** Whether a name after this keyword or mark may be the target type of a conversion. */
export function mayBeType(before: string, { isNames, isCast, from }: Frame): boolean {
  if (before === '::' || before === 'returning' || isNames) return true;
  return before === 'as' ? isCast : from !== FromState.after && mayNameColumn(before);
}

/** Updates the frame for a keyword in it. */
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

/** Whether RECURSIVE, the current token right after WITH, is the keyword and not the name that WITH defines. */
export function isRecursiveKeyword(tokens: Tokenizer): boolean {
  const ahead = tokens.fork();
  const type = ahead.next();
  return (
    type === Token.quoted || (type === Token.word && !/^as$/i.test(ahead.text.slice(ahead.start, ahead.end)))
  );
}
