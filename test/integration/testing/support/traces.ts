import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';

/** What clusters have left in a temporary folder, and of processes that belong to it. */
export interface Traces {
  readonly folders: readonly string[];
  /** Command lines. */
  readonly processes: readonly string[];
}

/** Looks for what clusters below `temporaryFolder` have left. Linux only. */
export function findTraces(temporaryFolder: string): Traces {
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      const command = attempt(() =>
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim(),
      );
      const workingFolder = attempt(() => readlinkSync(`/proc/${pid}/cwd`));
      const belongs = command.includes(temporaryFolder) || workingFolder.startsWith(temporaryFolder);
      return belongs && pid !== String(process.pid) ? [`${pid} ${command}`] : [];
    });
  const folders = readdirSync(temporaryFolder).filter((it) => it.startsWith('nestjs-replica-'));
  return { folders, processes };
}

/**
 * The System V shared memory segments of the servers below `temporaryFolder`, also of those that initdb runs: line 7 of each lock
 * file is `key id`, once there is one.
 */
export function sharedMemoryOf(temporaryFolder: string): string[] {
  return readdirSync(temporaryFolder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('postmaster.pid'))
    .map((file) => attempt(() => readFileSync(path.join(temporaryFolder, file), 'utf8')))
    .flatMap((lock) => lock.split('\n')[6]?.trim().split(/\s+/)[1] ?? []);
}

/** Those of `ids` that the kernel still has. */
export function existingSharedMemory(ids: readonly string[]): string[] {
  const existing = readFileSync('/proc/sysvipc/shm', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/)[1]);
  return ids.filter((id) => existing.includes(id));
}

function attempt(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}
