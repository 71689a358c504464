import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { waitUntil } from '../wait-until.js';
import { errorCode } from '../system-error.js';

interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** The letter of the state. T: stopped; Z: ended but not reaped yet. */
  readonly state: string;
}

/** How long processes may take to end or to freeze; milliseconds. Disk writes cannot be interrupted. */
export const SETTLE_TIMEOUT_MS = 10_000;

/** Freezes a server and all its descendants; resolves when none of them can run any more. */
export async function freezeTree(pid: number): Promise<boolean> {
  return await waitUntil(
    () => {
      // Once the top is frozen nothing forks any more, so a later round finds the last processes.
      const running = processTree(pid).filter((it) => !/^[TtZX]/.test(it.state));
      for (const it of running) signal(it.pid, 'SIGSTOP');
      return running.length === 0;
    },
    { timeoutMs: SETTLE_TIMEOUT_MS, intervalMs: 1 },
  );
}

/** Undoes `freezeTree`. */
export function thawTree(pid: number): void {
  for (const it of processTree(pid)) signal(it.pid, 'SIGCONT');
}

/** Sends a signal. It does not matter if the process has ended meanwhile. */
export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

/** The process and its descendants, parents first. */
export function processTree(pid: number): ProcessEntry[] {
  const all = listProcesses();
  const tree = all.filter((it) => it.pid === pid);
  for (const parent of tree) tree.push(...all.filter((it) => it.parent === parent.pid));
  return tree;
}

function listProcesses(): ProcessEntry[] {
  return existsSync('/proc/self/stat') ? listFromProc() : listFromPs();
}

function listFromProc(): ProcessEntry[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      // pid (command) state ppid ...: the command may hold spaces and parentheses.
      const [state = '', parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return [{ pid: Number(name), parent: Number(parent), state }];
    } catch {
      return [];
    }
  });
}

function listFromPs(): ProcessEntry[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,state='], { encoding: 'utf8' })
    .trim()
    .split('\n');
  return lines.map((line) => {
    const [pid, parent, state = ''] = line.trim().split(/\s+/);
    return { pid: Number(pid), parent: Number(parent), state };
  });
}
