import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { CleanUp } from './clean-up.js';

/** Runs a compiled file in a fresh process, gives it one task and returns its result. Rejects if it ends without one. */
export async function runInChild<Result>(
  file: string,
  task: object,
  { cleanUp, execArgv = [] }: { cleanUp: CleanUp; execArgv?: readonly string[] },
): Promise<Result> {
  const child = fork(file, {
    execArgv: ['--expose-gc', '--enable-source-maps', ...execArgv],
    stdio: ['ignore', 2, 2, 'ipc'],
  });
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  cleanUp.add(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  child.send(task);
  const [result] = (await Promise.race([
    once(child, 'message'),
    exited.then(([code, signal]) => Promise.reject(new Error(`${file} ended with ${code ?? signal}`))),
  ])) as [Result];
  await exited;
  return result;
}

/** The other side: does what the parent asks, answers, and ends. It also ends with the parent, and at an error. */
export function answerParent(work: (task: never) => Promise<unknown>): void {
  // A process that imports such a file for its types and constants is no child.
  if (process.send === undefined) return;
  process.once('disconnect', () => process.exit(1));
  process.once('message', (task) => {
    void work(task as never).then((result) => process.send?.(result, () => process.exit(0)));
  });
}
