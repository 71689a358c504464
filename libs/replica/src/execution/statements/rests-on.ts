import { formatTableName } from '../../routing/table-name.js';

type Links = ReadonlyMap<string, readonly string[]>;

/**
 * Finds the relations behind each relation: everything that reading it reads, and the parents of all of those and of the relation itself.
 * The keys are its qualified name and, for all schemas together, its plain name.
 */
export function restsOnOf(rows: readonly Record<string, unknown>[]): Map<string, readonly string[]> {
  const { reads, parents, names } = linksOf(rows);
  const restsOn = new Map<string, readonly string[]>();
  for (const [relation, name] of names) {
    const behind = reached([relation], reads);
    for (const parent of reached([relation, ...behind], parents)) behind.add(parent);
    behind.delete(relation);
    if (behind.size === 0) continue;
    const list = Object.freeze([...behind]);
    restsOn.set(relation, list);
    const others = restsOn.get(name);
    restsOn.set(name, others === undefined ? list : Object.freeze([...new Set([...others, ...list])]));
  }
  return restsOn;
}

/** What a write to each relation changes besides, by plain names; `null`: anything, because a function of the user's runs. */
export type Reach = ReadonlyMap<string, readonly string[] | null>;

/** Finds out how far writes reach: to the rows of other tables by cascades, of parents and children, of what a view shows. */
export function reachOf(rows: readonly Record<string, unknown>[]): Reach {
  const links = new Map<string, string[]>();
  const withTriggers = new Set<string>();
  for (const { kind, name, other_name: other } of rows) {
    if (kind === 'triggers') withTriggers.add(String(name));
    else link(links, String(name), String(other));
    if (kind === 'inherits') link(links, String(other), String(name));
  }
  return new Map(
    [...new Set([...links.keys(), ...withTriggers])].map((name) => {
      const all = reached([name], links).add(name);
      const isEndless = [...all].some((it) => withTriggers.has(it));
      all.delete(name);
      return [name, isEndless ? null : Object.freeze([...all])];
    }),
  );
}

interface AllLinks {
  /** From a view, a table with policies or a parent to everything that reading it reads. */
  readonly reads: Links;
  readonly parents: Links;
  /** Each relation's plain name, by its qualified one. */
  readonly names: ReadonlyMap<string, string>;
}

function linksOf(rows: readonly Record<string, unknown>[]): AllLinks {
  const reads = new Map<string, string[]>();
  const parents = new Map<string, string[]>();
  const names = new Map<string, string>();
  const nameOf = (schema: unknown, name: unknown): string => {
    const text = formatTableName({ schema: String(schema), name: String(name) });
    names.set(text, formatTableName({ name: String(name) }));
    return text;
  };
  for (const row of rows) {
    if (row.kind !== 'reads' && row.kind !== 'inherits') continue;
    const relation = nameOf(row.schema, row.name);
    const other = nameOf(row.other_schema, row.other_name);
    if (row.kind === 'reads') link(reads, relation, other);
    else {
      link(parents, relation, other);
      link(reads, other, relation);
    }
  }
  return { reads, parents, names };
}

function link(links: Map<string, string[]>, from: string, to: string): void {
  const known = links.get(from);
  if (known === undefined) links.set(from, [to]);
  else known.push(to);
}

/** Everything that the links lead to. Includes a starting point only if a link leads back to it. */
function reached(from: readonly string[], links: Links): Set<string> {
  const found = new Set<string>();
  const open = [...from];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    for (const target of links.get(next) ?? []) {
      if (found.has(target)) continue;
      found.add(target);
      open.push(target);
    }
  }
  return found;
}
