import type { StatementKind } from './statement.js';

/** What calling or naming something may do. The values are bits, so that a number can hold several effects; 0 is harmless. */
export const Effect = {
  none: 0,
  /** may change data: it is a volatile function or calls one */
  writes: 1,
  /** fails on a replica, or only the primary knows the answer */
  primaryOnly: 2,
  /** depends on the connection's state but leaves none */
  usesConnection: 4,
  /** leaves state on the connection */
  changesConnection: 8,
  /** changes data that only this function can change, such as a sequence; makes a statement a `write` rather than `unknown` */
  knownWrite: 16,
  /** sends notifications: only the primary can, but no data changes */
  notifies: 32,
  /** reads tables that the statement does not name: harmless, but no table rule can see them */
  readsTables: 64,
} as const;

/** A number made of {@link Effect} bits. */
export type Effects = number;

/** How severe each kind is. The most severe finding in a statement determines its kind. */
export const SEVERITY: Readonly<Record<StatementKind, number>> = {
  read: 0,
  'locking-read': 1,
  'session-change': 2,
  'transaction-control': 3,
  write: 4,
  unknown: 5,
};

const CHANGES_DATA = Effect.writes | Effect.knownWrite;
const NEEDS_CONNECTION = Effect.usesConnection | Effect.changesConnection;

/** The kind of a query with these effects. */
export function kindOf(effects: Effects): StatementKind {
  if (effects & Effect.writes) return 'unknown';
  if (effects & (Effect.knownWrite | Effect.notifies)) return 'write';
  if (effects & NEEDS_CONNECTION) return 'session-change';
  return effects === Effect.none ? 'read' : 'locking-read';
}

export function mayWrite(effects: Effects): boolean {
  return (effects & CHANGES_DATA) !== 0;
}

export function keepsConnection(effects: Effects): boolean {
  return (effects & Effect.changesConnection) !== 0;
}
