import { Effect, type Effects } from '../../execution/statements/effects.js';
import type { StatementKind } from '../../execution/statements/statement.js';
import { formatTableName, parseTableName } from '../../routing/table-name.js';
import type { Catalog } from './catalog.js';
import { readView } from './read-text.js';

/** A view as the information schema has it. */
export interface View {
  readonly name: { readonly schema: string; readonly name: string };
  /** Empty if the user may not see it. */
  readonly query: string;
}

/** What views do, by their qualified names, and which relation reads which. */
export interface ViewEffects {
  readonly effects: ReadonlyMap<string, Effects>;
  /** In the form of {@link restsOnOf}. */
  readonly links: readonly Record<string, unknown>[];
}

const EFFECTS_OF_KIND: Readonly<Record<StatementKind, Effects>> = {
  read: Effect.none,
  'locking-read': Effect.primaryOnly,
  'session-change': Effect.usesConnection,
  'transaction-control': Effect.writes,
  write: Effect.writes,
  unknown: Effect.writes,
};

/** Finds out what reading each view does: what its own query does, and what the views do that it reads. */
export function viewEffects(views: ReadonlyMap<string, View>, catalog: Catalog): ViewEffects {
  const effects = new Map<string, Effects>();
  const links: Record<string, unknown>[] = [];
  const readBy = new Map<string, string[]>();
  for (const [view, { name, query }] of views) {
    const { kind, tables } = readView(query, catalog).toStatement();
    effects.set(view, EFFECTS_OF_KIND[kind] | (tables === undefined ? Effect.readsTables : Effect.none));
    for (const table of tables ?? []) {
      const other = parseTableName(table);
      if (other?.schema === undefined) continue;
      links.push({ kind: 'reads', ...name, other_schema: other.schema, other_name: other.name });
      const readers = readBy.get(formatTableName(other));
      if (readers === undefined) readBy.set(formatTableName(other), [view]);
      else readers.push(view);
    }
  }
  spread(effects, readBy);
  return { effects, links };
}

/** Gives each view the effects of all that it reads. */
function spread(effects: Map<string, Effects>, readBy: ReadonlyMap<string, readonly string[]>): void {
  const open = [...effects.keys()];
  for (let view = open.pop(); view !== undefined; view = open.pop()) {
    const own = effects.get(view) ?? Effect.none;
    for (const reader of readBy.get(view) ?? []) {
      const before = effects.get(reader) ?? Effect.none;
      if ((before | own) === before) continue;
      effects.set(reader, before | own);
      open.push(reader);
    }
  }
}
