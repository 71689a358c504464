import { type Frame, FromState, WithState } from './frame.js';
import { Role } from './keywords.js';

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
