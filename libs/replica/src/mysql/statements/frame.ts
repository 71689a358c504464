import { type CteFrame, WithState } from '../../execution/statements/cte-names.js';

/** The reader's state in one pair of parentheses, or in the statement as a whole. */
export interface Frame extends CteFrame {
  /** only names: the columns of USING or of an alias, indexes, partitions */
  readonly isNames: boolean;
  /** SELECT was read, so FROM begins a list of relations */
  isQuery: boolean;
  /** a query could begin here */
  atStart: boolean;
  from: number;
}

export function newFrame(isNames: boolean, from: number): Frame {
  return {
    isNames,
    isQuery: false,
    atStart: !isNames,
    from,
    with: WithState.none,
    isRecursive: false,
    pendingCte: undefined,
    cteNames: undefined,
    bodyOf: undefined,
  };
}
