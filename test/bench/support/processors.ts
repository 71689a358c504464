import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/**
 * Which processes run on which processors. `shared`: all run on all. `apart`: Node has one for itself and the servers have the
 * others, as if the application and its database had machines of their own.
 */
export const PROCESSORS = ['shared', 'apart'] as const;
export type Processors = (typeof PROCESSORS)[number];

/** Assigns processors to this process and the servers. Throws for `apart` if {@link canBeApart} is `false`. */
export function assignProcessors(processors: Processors, servers: readonly number[]): void {
  const all = allowed();
  if (processors === 'shared' && all.length < 2) return;
  const [own, ...others] = all;
  const isApart = processors === 'apart';
  assign([process.pid], isApart ? [own as number] : all);
  assign(servers, isApart ? others : all);
}

/** Whether there are two processors and a way to assign them: Linux, with `taskset`. */
export function canBeApart(): boolean {
  return allowed().length > 1 && spawnSync('taskset', ['--version']).status === 0;
}

let known: readonly number[] | undefined;

/** The processors that this process may use from the start. */
function allowed(): readonly number[] {
  known ??= readAllowed();
  return known;
}

function readAllowed(): readonly number[] {
  let status: string;
  try {
    status = readFileSync('/proc/self/status', 'utf8');
  } catch {
    return [];
  }
  const list = /^Cpus_allowed_list:\s*(.*)$/m.exec(status)?.[1] ?? '';
  return list.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
  });
}

/** Assigns processors to all threads of the processes. It does not matter if a process has ended. */
function assign(pids: readonly number[], processors: readonly number[]): void {
  const failures = pids.filter(
    (pid) => spawnSync('taskset', ['-acp', processors.join(','), String(pid)]).status !== 0,
  );
  if (failures.includes(process.pid)) throw new Error('taskset could not assign processors to this process');
}
