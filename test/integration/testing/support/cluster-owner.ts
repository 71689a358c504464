import { ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';

/** A process that owns a cluster, in a process group of its own as a terminal would make it. */
export interface ClusterOwner {
  readonly process: ChildProcess;
  /** Resolves with the first line that the script writes; rejects with its error output when it ends before. */
  readonly firstLine: Promise<string>;
  /** Resolves when the process has ended: its exit code, else the signal. */
  readonly ended: Promise<number | string>;
}

export interface ClusterOwnerOptions {
  /** The compiled entry point. */
  entry: string;
  /** Statements after `const { startPostgresCluster } = testing`; may use `await`. */
  script: string;
  /** Where the owner's cluster puts its folder. */
  temporaryFolder: string;
  /** Default: this process's user. */
  user?: { uid: number; gid: number };
  /** Default: the temporary folder, from which no package resolves: the binaries are found without it. */
  cwd?: string;
}

/** Runs a script in a new Node process. */
export function runClusterOwner(options: ClusterOwnerOptions): ClusterOwner {
  const { entry, script, temporaryFolder, user, cwd = temporaryFolder } = options;
  const file = path.join(path.dirname(entry), `owner-${Math.random().toString(36).slice(2)}.mjs`);
  writeFileSync(
    file,
    `import * as testing from './index.js';\nconst { startPostgresCluster } = testing;\n${script}\n`,
  );
  const { NODE_OPTIONS: _, ...env } = process.env;
  const child = spawn(process.execPath, [file], {
    ...user,
    cwd,
    env: { ...env, TMPDIR: temporaryFolder },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const ended = new Promise<number | string>((resolve) => {
    child.once('close', (code, signal) => resolve(code ?? signal ?? 'unknown'));
  });
  const firstLine = new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('close', () => reject(new Error(`the owner wrote nothing: ${errors}`)));
  });
  firstLine.catch(() => {});
  return { process: child, firstLine, ended };
}
