import { ChildProcess, spawn } from 'node:child_process';
import { Socket } from 'node:net';
import { waitUntil } from '../wait-until.js';

/**
 * The script of the watchdog. It reads lines until the owner's end of the pipe closes, which also happens if the owner is killed:
 * a kind and a number, as `postgres PID`, and `ended PID`. Then it ends every process that has not ended (a PostgreSQL server by the
 * same crash as in crash-postgres.ts), and removes the folder $1.
 */
const SCRIPT = `
trap '' HUP INT TERM
servers=' ' setups=' ' groups=' '
without() { case $1 in *" $2 "*) echo "\${1%% $2 *} \${1#* $2 }" ;; *) echo "$1" ;; esac; }
while read -r word pid; do
  case $word in
    postgres) servers="$servers$pid " ;;
    initdb) setups="$setups$pid " ;;
    group) groups="$groups$pid " ;;
    ended)
      servers=" $(without "$servers" "$pid") " setups=" $(without "$setups" "$pid") "
      groups=" $(without "$groups" "$pid") " ;;
  esac
done
children() {
  ps -A -o pid=,ppid= | while read -r child parent; do [ "$parent" = "$1" ] && echo "$child"; done
  cat "/proc/$1/task/$1/children"
}
# A process that has ended may wait long for an init that collects it.
alive() {
  kill -0 "$1" && case $(cat "/proc/$1/stat") in *') Z '*) return 1 ;; esac
}
for pid in $groups; do kill -s KILL -- "-$pid"; done
for pid in $servers $setups; do kill -STOP "$pid"; done
for pid in $servers; do
  for child in $(children "$pid"); do kill -KILL "$child"; done
  kill -QUIT "$pid"; kill -CONT "$pid"
done
# What initdb runs reads from it, and at the end of that input ends by itself, with its shared memory.
last="$groups$servers"
for pid in $setups; do
  for child in $(children "$pid"); do last="$last $child $(children "$child")"; done
  kill -KILL "$pid"
done
for pid in $last; do
  tries=0
  while alive "$pid" && [ $tries -lt 60 ]; do sleep 0.05; tries=$((tries + 1)); done
  alive "$pid" && kill -KILL "$pid"
done
tries=0
while [ -e "$1" ] && [ $tries -lt 20 ]; do
  [ $tries -eq 0 ] || sleep 0.1
  rm -rf "$1"; tries=$((tries + 1))
done
`;

/**
 * How to end a process together with all that it has started: a `postgres` or an `initdb` so that it leaves no shared memory behind;
 * the process `group` that it leads by SIGKILL.
 */
export type ProcessKind = 'postgres' | 'initdb' | 'group';

/**
 * A small process that outlives this one. If this process ends without having stopped the cluster, however it ends, the watchdog
 * ends the servers and removes the folder. So this process needs no signal or exit handler. The watchdog never keeps it alive.
 */
export class Watchdog {
  readonly #shell: ChildProcess;
  #running = true;

  constructor(folder: string) {
    // In a session of its own, so that Ctrl-C in a terminal does not reach it.
    this.#shell = spawn('/bin/sh', ['-c', SCRIPT, 'nestjs-replica-watchdog', folder], {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    this.#shell.once('exit', () => (this.#running = false));
    this.#shell.once('error', () => (this.#running = false));
    this.#shell.stdin?.on('error', () => {});
    this.#shell.unref();
    // The pipe is a socket with a handle of its own in the event loop.
    if (this.#shell.stdin instanceof Socket) this.#shell.stdin.unref();
  }

  /** From now on the process `pid` and its children end together with this process. */
  own(pid: number, kind: ProcessKind): void {
    this.#tell(`${kind} ${pid}`);
  }

  /** The process `pid` has ended. */
  disown(pid: number): void {
    this.#tell(`ended ${pid}`);
  }

  /** Resolves when the watchdog has ended. That is soon, unless a process or the folder is still there. */
  async dismiss(): Promise<void> {
    this.#shell.stdin?.end();
    await waitUntil(() => !this.#running, { timeoutMs: 10_000, intervalMs: 1 });
  }

  #tell(line: string): void {
    if (this.#running) this.#shell.stdin?.write(`${line}\n`);
  }
}
