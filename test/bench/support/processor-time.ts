import { readdirSync, readFileSync } from 'node:fs';

/** `_SC_CLK_TCK` is 100 on every Linux: the times of proc(5) are in ticks of 10 ms. */
const TICK_US = 10_000;

interface Entry {
  readonly parent: number;
  /** Its own time and that of its children that have ended. */
  readonly us: number;
}

/**
 * Processor time of these processes and all their descendants since they began, including those that have ended; microseconds.
 * `null` if there is no /proc.
 */
export function processorTimeUs(roots: readonly number[]): number | null {
  const entries = listEntries();
  if (entries === undefined) return null;
  let us = 0;
  for (const pid of treeOf(roots, entries)) us += entries.get(pid)?.us ?? 0;
  return us;
}

/** These processes and all their running descendants; only themselves if there is no /proc. */
export function withDescendants(roots: readonly number[]): number[] {
  return [...treeOf(roots, listEntries() ?? new Map<number, Entry>())];
}

function treeOf(roots: readonly number[], entries: ReadonlyMap<number, Entry>): Set<number> {
  const tree = new Set(roots);
  for (let before = 0; before < tree.size;) {
    before = tree.size;
    for (const [pid, { parent }] of entries) if (tree.has(parent)) tree.add(pid);
  }
  return tree;
}

/** The process that started this one; `undefined` if there is no /proc. */
export function parentOf(pid: number): number | undefined {
  return readEntry(String(pid))?.parent;
}

function listEntries(): Map<number, Entry> | undefined {
  if (readEntry('self') === undefined) return undefined;
  const entries = new Map<number, Entry>();
  for (const name of readdirSync('/proc')) {
    const entry = /^\d+$/.test(name) ? readEntry(name) : undefined;
    if (entry !== undefined) entries.set(Number(name), entry);
  }
  return entries;
}

function readEntry(pid: string): Entry | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // pid (command) state ppid ...: the command may hold spaces and parentheses.
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [utime = 0, stime = 0, childrenUtime = 0, childrenStime = 0] = fields.slice(11, 15);
    return { parent: fields[1] ?? 0, us: (utime + stime + childrenUtime + childrenStime) * TICK_US };
  } catch {
    return undefined;
  }
}
